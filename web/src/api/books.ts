import { api, ask } from './client'
import type { components } from './schema'

export type Book = components['schemas']['Book']
export type BookStatus = Book['status']
export type Stats = components['schemas']['Stats']
export type Batch = components['schemas']['Batch']
export type NewBook = components['schemas']['CreateBookRequest']
export type BookChanges = components['schemas']['EditBookRequest']

const by = (id: string) => ({ path: { id } })

export function getBooks(
  filter: { archived?: boolean; cursor?: string | undefined; limit?: number },
  signal?: AbortSignal,
) {
  return ask(api.GET('/api/v1/books', { params: { query: { limit: 24, ...filter } }, signal }))
}

export function getBook(id: string, signal?: AbortSignal): Promise<Book> {
  return ask(api.GET('/api/v1/books/{id}', { params: by(id), signal }))
}

export function getStats(id: string, signal?: AbortSignal): Promise<Stats> {
  return ask(api.GET('/api/v1/books/{id}/stats', { params: by(id), signal }))
}

export function createBook(body: NewBook): Promise<Book> {
  return ask(api.POST('/api/v1/books', { body }))
}

/** Changes the very version that was read; a book that has changed since is refused. */
export function editBook({ id, version }: Book, body: BookChanges): Promise<Book> {
  const header = { 'If-Match': `"${version}"` }
  return ask(api.PATCH('/api/v1/books/{id}', { params: { ...by(id), header }, body }))
}

export type Move = 'activate' | 'pause' | 'close'

export function moveBook(id: string, move: Move): Promise<Book> {
  switch (move) {
    case 'activate':
      return ask(api.POST('/api/v1/books/{id}/activate', { params: by(id) }))
    case 'pause':
      return ask(api.POST('/api/v1/books/{id}/pause', { params: by(id) }))
    case 'close':
      return ask(api.POST('/api/v1/books/{id}/close', { params: by(id) }))
  }
}

export function getBatches(id: string, cursor: string | undefined, signal?: AbortSignal) {
  const query = { cursor, limit: 20 }
  return ask(api.GET('/api/v1/books/{id}/batches', { params: { ...by(id), query }, signal }))
}
