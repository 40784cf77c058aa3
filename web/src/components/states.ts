import type { State } from '@/api/coupons'
import { i18n } from '@/i18n'

export const allStates = [
  'UNASSIGNED',
  'ASSIGNED',
  'LOCKED',
  'REDEEMED',
  'EXPIRED',
  'VOID',
] as const satisfies State[]

/** What a state of a coupon is called for the person who holds it, or for who manages its book. */
export const stateName = (state: State, forManager = false) =>
  i18n.global.t(forManager && state === 'ASSIGNED' ? 'coupons.held' : `coupons.states.${state}`)
