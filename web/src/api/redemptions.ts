import { api, ask } from './client'
import type { components } from './schema'

export type Use = components['schemas']['Use']
export type UseOutcome = Use['outcome']

export function getUses(
  book: string,
  outcome: UseOutcome | undefined,
  cursor: string | undefined,
  signal?: AbortSignal,
) {
  const params = { path: { id: book }, query: { outcome, cursor, limit: 25 } }
  return ask(api.GET('/api/v1/books/{id}/redemptions', { params, signal }))
}

/** Gives the use of a coupon back. */
export async function rollBack(id: string, reason: string, key: string): Promise<void> {
  const params = { path: { id }, header: { 'Idempotency-Key': key } }
  await ask(api.POST('/api/v1/redemptions/{id}/rollback', { params, body: { reason } }))
}
