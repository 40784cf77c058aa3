import type { State } from '@/api/coupons'

/** What the states of a coupon are called for the person who holds it. */
export const stateNames: Record<State, string> = {
  UNASSIGNED: 'Free',
  ASSIGNED: 'Ready to use',
  LOCKED: 'Locked',
  REDEEMED: 'Redeemed',
  EXPIRED: 'Expired',
  VOID: 'Void',
}

/** And for who manages its book. */
export const stockNames: Record<State, string> = { ...stateNames, ASSIGNED: 'Held' }

export const allStates = Object.keys(stateNames) as State[]
