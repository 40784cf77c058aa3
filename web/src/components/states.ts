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
