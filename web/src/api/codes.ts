import { api, ask, send } from './client'
import type { Coupon, State } from './coupons'
import type { Job } from './sales'
import type { components, operations } from './schema'

export type Format = components['schemas']['Generate']
export type Preview = components['schemas']['Preview']
export type NewCoupon = components['schemas']['AddCouponRequest']
export type UploadOptions = NonNullable<operations['upload-codes']['parameters']['query']>

export interface StockFilter {
  state?: State | undefined
  prefix?: string | undefined
  batch_id?: string | undefined
}

const keyed = (id: string, key: string) => ({ path: { id }, header: { 'Idempotency-Key': key } })

export function getCoupons(
  book: string,
  filter: StockFilter & { cursor?: string | undefined },
  signal?: AbortSignal,
) {
  const params = { path: { id: book }, query: { ...filter, limit: 25 } }
  return ask(api.GET('/api/v1/books/{id}/coupons', { params, signal }))
}

/** Shows what a format makes; nothing is made. */
export function previewCodes(body: Format, signal?: AbortSignal): Promise<Preview> {
  return ask(api.POST('/api/v1/codes/preview', { body, signal }))
}

export function generateCodes(book: string, body: Format, key: string): Promise<Job> {
  return ask(api.POST('/api/v1/books/{id}/codes/generate', { params: keyed(book, key), body }))
}

export function exportCodes(book: string, body: StockFilter, key: string): Promise<Job> {
  return ask(api.POST('/api/v1/books/{id}/codes/export', { params: keyed(book, key), body }))
}

export function addCoupon(book: string, body: NewCoupon, key: string): Promise<Coupon> {
  return ask(api.POST('/api/v1/books/{id}/coupons', { params: keyed(book, key), body }))
}

export function voidBatch(book: string, batch: string, reason: string, key: string): Promise<Job> {
  const params = { path: { id: book, batch }, header: { 'Idempotency-Key': key } }
  return ask(api.POST('/api/v1/books/{id}/batches/{batch}/void', { params, body: { reason } }))
}

export type CouponChange = 'disable' | 'enable' | 'revoke' | 'void'

export function changeCoupon(id: string, change: CouponChange, reason: string): Promise<Coupon> {
  const options = { params: { path: { coupon: id } }, body: { reason } }
  switch (change) {
    case 'disable':
      return ask(api.POST('/api/v1/coupons/{coupon}/disable', options))
    case 'enable':
      return ask(api.POST('/api/v1/coupons/{coupon}/enable', options))
    case 'revoke':
      return ask(api.POST('/api/v1/coupons/{coupon}/revoke', options))
    case 'void':
      return ask(api.POST('/api/v1/coupons/{coupon}/void', options))
  }
}

/** Sends a file as it is, however long that takes; tells how much of it has gone, from 0 to 1. */
export function uploadCodes(
  book: string,
  file: File,
  options: UploadOptions,
  key: string,
  sent: (part: number) => void,
  signal: AbortSignal,
): Promise<Job> {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(options)) query.set(name, String(value))
  const headers = { 'Content-Type': 'text/csv', 'Idempotency-Key': key }
  const path = `/api/v1/books/${book}/codes/upload?${query.toString()}`
  return send<Job>(path, file, headers, sent, signal)
}

/** Where the report of what a job refused is, as CSV. */
export const reportOf = (job: Job) => `${job.links.self}/outcomes.csv`
