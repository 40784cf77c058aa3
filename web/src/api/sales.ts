import { api, ask } from './client'
import type { components } from './schema'

export type Sale = components['schemas']['Sale']
export type Job = components['schemas']['Job']

export function getSales(signal?: AbortSignal, cursor?: string) {
  return ask(api.GET('/api/v1/sales', { params: { query: { cursor } }, signal }))
}

export function getSale(id: string, signal?: AbortSignal): Promise<Sale> {
  return ask(api.GET('/api/v1/sales/{id}', { params: { path: { id } }, signal }))
}

/** Claims one coupon. The same key brings the same job, however often it is sent. */
export function submitClaim(book: string, key: string, signal?: AbortSignal): Promise<Job> {
  const header = { 'Idempotency-Key': key, Prefer: 'wait=1' }
  return ask(
    api.POST('/api/v1/books/{id}/claims', { params: { path: { id: book }, header }, signal }),
  )
}

/** Reads a job once it has ended, or as it is after a second. */
export function followJob(id: string, signal?: AbortSignal): Promise<Job> {
  const header = { Prefer: 'wait=1' }
  return ask(api.GET('/api/v1/jobs/{id}', { params: { path: { id }, header }, signal }))
}
