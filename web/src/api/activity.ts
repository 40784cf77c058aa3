import { api, ask } from './client'
import type { components } from './schema'

export type Hour = components['schemas']['Activity']
export type BookStock = components['schemas']['Stock']

export interface Span {
  from: Date
  to: Date
}

const query = ({ from, to }: Span) => ({ from: from.toISOString(), to: to.toISOString() })

/** What happened in all books, hour by hour; hours in which nothing did are left out. */
export async function getActivity(span: Span, signal?: AbortSignal): Promise<Hour[]> {
  return (await ask(api.GET('/api/v1/activity', { params: { query: query(span) }, signal }))).data
}

export async function getBookActivity(id: string, span: Span, signal?: AbortSignal) {
  const params = { path: { id }, query: query(span) }
  return (await ask(api.GET('/api/v1/books/{id}/activity', { params, signal }))).data
}

/** What the open books have left, the scarcest first. */
export async function getStock(signal?: AbortSignal): Promise<BookStock[]> {
  return (await ask(api.GET('/api/v1/stock', { signal }))).data
}
