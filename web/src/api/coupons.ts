import { api, ask } from './client'
import type { components } from './schema'

export type Coupon = components['schemas']['Coupon']
export type State = Coupon['state']
export type HeldState = Exclude<State, 'UNASSIGNED'>
export type Happening = components['schemas']['Timeline']
export type Lock = components['schemas']['LockResponse']
export type Redeemed = components['schemas']['RedemptionResponse']

export interface Filter {
  state?: HeldState | undefined
  book_id?: string | undefined
  cursor?: string | undefined
}

export function getMyCoupons(filter: Filter, signal?: AbortSignal) {
  return ask(api.GET('/api/v1/me/coupons', { params: { query: { ...filter, limit: 24 } }, signal }))
}

export function getCoupon(id: string, signal?: AbortSignal): Promise<Coupon> {
  return ask(api.GET('/api/v1/coupons/{coupon}', { params: { path: { coupon: id } }, signal }))
}

export async function getTimeline(id: string, signal?: AbortSignal): Promise<Happening[]> {
  const path = { coupon: id }
  return (await ask(api.GET('/api/v1/coupons/{coupon}/timeline', { params: { path }, signal })))
    .data
}

/** Keys make each of these safe to repeat after an answer was lost. */
export function lockCoupon(id: string, key: string): Promise<Lock> {
  const params = { path: { coupon: id }, header: { 'Idempotency-Key': key } }
  return ask(api.POST('/api/v1/coupons/{coupon}/lock', { params }))
}

export function unlockCoupon(id: string, token: string): Promise<Coupon> {
  const params = { path: { coupon: id } }
  return ask(api.POST('/api/v1/coupons/{coupon}/unlock', { params, body: { lock_token: token } }))
}

export function redeemCoupon(id: string, token: string, key: string): Promise<Redeemed> {
  const params = { path: { coupon: id }, header: { 'Idempotency-Key': key } }
  return ask(api.POST('/api/v1/coupons/{coupon}/redeem', { params, body: { lock_token: token } }))
}
