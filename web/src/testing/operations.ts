import { http, HttpResponse } from 'msw'
import type { BookStock, Hour } from '@/api/activity'
import type { Queue } from '@/api/jobs'
import type { ApiKey } from '@/api/keys'
import type { SessionRow } from '@/api/me'
import type { Use } from '@/api/redemptions'
import type { User } from '@/api/session'
import { ada, endpoint, job, max, page } from './network'

export const root: User = {
  ...max,
  id: '0197',
  email: 'root@example.com',
  name: 'Root',
  role: 'admin',
}

export const hours: Hour[] = [
  { hour: new Date().toISOString(), granted: 5, refused: 2, redeemed: 1, rolled_back: 0 },
]

export const stock: BookStock[] = [
  {
    book_id: 'b1',
    name: 'Summer',
    total: 100,
    free: 3,
    ends_at: null,
    low: true,
    ending_soon: false,
  },
]

export const queues: Queue[] = (['assignments', 'codes', 'distributions', 'webhooks'] as const).map(
  (name) => ({
    name,
    waiting: 12,
    running: 1,
    failed: 0,
    oldest_ms: 4_200,
    per_second: 7.5,
    tasks: { pending: 2, active: 1 },
  }),
)

export const failed = job({
  id: 'j9',
  kind: 'import_codes',
  status: 'failed',
  done: true,
  finished_at: new Date().toISOString(),
  error: { code: 'internal', detail: 'The job broke.' },
})

export const key: ApiKey = {
  id: 'k1',
  name: 'Till',
  owner_id: root.id,
  prefix: 'cbk_ab12',
  scopes: ['coupons:redeem'],
  networks: [],
  expires_at: null,
  old_secret_until: null,
  last_used_at: null,
  created_at: '2026-11-01T10:00:00Z',
}

export const use: Use = {
  id: 'r1',
  coupon_id: 'c1',
  code: 'SUMMER-1234',
  outcome: 'redeemed',
  user_id: ada.id,
  actor_id: ada.id,
  order_ref: 'A-1',
  metadata: {},
  action: null,
  reason: null,
  at: '2026-11-01T10:00:00Z',
  rolled_back_at: null,
}

export const sessions: SessionRow[] = [
  {
    id: 's1',
    current: true,
    created_at: '2026-11-01T10:00:00Z',
    used_at: '2026-11-01T10:00:00Z',
    expires_at: '2026-12-01T10:00:00Z',
    address: '192.0.2.1',
    user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0',
  },
  {
    id: 's2',
    current: false,
    created_at: '2026-11-01T10:00:00Z',
    used_at: '2026-11-01T10:00:00Z',
    expires_at: '2026-12-01T10:00:00Z',
    address: null,
    user_agent: '',
  },
]

/** A service that is under way, at which its admin is signed in. */
export const operationHandlers = [
  http.get('*/api/v1/me', () => HttpResponse.json(root)),
  http.get('*/api/v1/activity', () => HttpResponse.json({ data: hours })),
  http.get('*/api/v1/stock', () => HttpResponse.json({ data: stock })),
  http.get('*/api/v1/queues', () => HttpResponse.json({ data: queues })),
  http.get('*/api/v1/webhooks', () => page([endpoint({ status: 'disabled' })])),
  http.get('*/api/v1/jobs', ({ request }) =>
    page(request.url.includes('status=running') ? [] : [failed]),
  ),
  http.get('*/api/v1/jobs/j9', () => HttpResponse.json(failed)),
  http.get('*/api/v1/users', () => page([root, ada])),
  http.get('*/api/v1/api-keys', () => HttpResponse.json({ data: [key] })),
  http.get('*/api/v1/me/sessions', () => HttpResponse.json({ data: sessions })),
]
