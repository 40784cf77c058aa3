import type { Messages } from '@/i18n'
import { activity } from './activity'
import { app } from './app'
import { audit } from './audit'
import { batches } from './batches'
import { books } from './books'
import { claims } from './claims'
import { codes } from './codes'
import { common } from './common'
import { counts } from './counts'
import { coupons } from './coupons'
import { dashboard } from './dashboard'
import { distributions } from './distributions'
import { door } from './door'
import { exports } from './exports'
import { files } from './files'
import { jobs } from './jobs'
import { keys } from './keys'
import { patterns } from './patterns'
import { pools } from './pools'
import { profile } from './profile'
import { queues } from './queues'
import { reasons } from './reasons'
import { redemptions } from './redemptions'
import { rooms } from './rooms'
import { sales } from './sales'
import { service } from './service'
import { showcase } from './showcase'
import { till } from './till'
import { timeline } from './timeline'
import { users } from './users'
import { webhooks } from './webhooks'

/** Every message of the English catalogue, in Spanish. */
const es: Messages = {
  activity,
  app,
  audit,
  batches,
  books,
  claims,
  codes,
  common,
  counts,
  coupons,
  dashboard,
  distributions,
  door,
  exports,
  files,
  jobs,
  keys,
  patterns,
  pools,
  profile,
  queues,
  reasons,
  redemptions,
  rooms,
  sales,
  service,
  showcase,
  till,
  timeline,
  users,
  webhooks,
}
export default es
