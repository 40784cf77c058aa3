import { api, ask, send } from './client'
import type { Job } from './sales'
import type { components, operations } from './schema'

export type Pool = components['schemas']['Pool']
export type Member = components['schemas']['Member']
export type MemberRef = components['schemas']['MemberRef']
export type NewPool = components['schemas']['CreatePoolRequest']
export type MemberFileOptions = NonNullable<operations['import-members']['parameters']['query']>

const by = (id: string) => ({ path: { id } })

export function getPools(cursor: string | undefined, signal?: AbortSignal) {
  return ask(api.GET('/api/v1/pools', { params: { query: { cursor, limit: 24 } }, signal }))
}

export function getPool(id: string, signal?: AbortSignal): Promise<Pool> {
  return ask(api.GET('/api/v1/pools/{id}', { params: by(id), signal }))
}

export function createPool(body: NewPool): Promise<Pool> {
  return ask(api.POST('/api/v1/pools', { body }))
}

/** Changes the very version that was read; a pool that has changed since is refused. */
export function editPool({ id, version }: Pool, body: NewPool): Promise<Pool> {
  const header = { 'If-Match': `"${version}"` }
  return ask(api.PATCH('/api/v1/pools/{id}', { params: { ...by(id), header }, body }))
}

export function deletePool(id: string) {
  return ask(api.DELETE('/api/v1/pools/{id}', { params: by(id) }))
}

export function getMembers(
  pool: string,
  filter: { prefix?: string | undefined; cursor?: string | undefined },
  signal?: AbortSignal,
) {
  const params = { ...by(pool), query: { ...filter, limit: 25 } }
  return ask(api.GET('/api/v1/pools/{id}/members', { params, signal }))
}

export function addMembers(pool: string, members: MemberRef[], createMissing: boolean) {
  const body = { members, create_missing: createMissing }
  return ask(api.POST('/api/v1/pools/{id}/members', { params: by(pool), body }))
}

export function removeMembers(pool: string, members: MemberRef[]) {
  return ask(api.POST('/api/v1/pools/{id}/members/remove', { params: by(pool), body: { members } }))
}

/** Sends a file as it is; tells how much of it has gone, from 0 to 1. */
export function importMembers(
  pool: string,
  file: File,
  options: MemberFileOptions,
  key: string,
  sent: (part: number) => void,
  signal: AbortSignal,
): Promise<Job> {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(options)) query.set(name, String(value))
  const headers = { 'Content-Type': 'text/csv', 'Idempotency-Key': key }
  return send<Job>(`/api/v1/pools/${pool}/import?${query.toString()}`, file, headers, sent, signal)
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** How a person names a user: by id, by e-mail, or else by external id. */
export function refOf(text: string): MemberRef {
  if (uuid.test(text)) return { user_id: text }
  return text.includes('@') ? { email: text } : { external_id: text }
}
