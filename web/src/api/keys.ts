import { api, ask } from './client'
import type { components } from './schema'

export type ApiKey = components['schemas']['ApiKey']
export type NewKey = components['schemas']['CreateAPIKeyRequest']
export type Scope = NewKey['scopes'][number]

export const allScopes: Scope[] = [
  'books:read',
  'books:write',
  'claims:write',
  'coupons:redeem',
  'coupons:write',
  'jobs:read',
  'pools:read',
  'pools:write',
  'distributions:write',
  'events:read',
  'webhooks:read',
  'webhooks:write',
]

const by = (id: string) => ({ params: { path: { id } } })

export async function getKeys(signal?: AbortSignal): Promise<ApiKey[]> {
  return (await ask(api.GET('/api/v1/api-keys', { signal }))).data
}

/** The answer has the key itself, this once. */
export function createKey(body: NewKey): Promise<ApiKey> {
  return ask(api.POST('/api/v1/api-keys', { body }))
}

/** The answer has the new one, this once; the old one works for a day. */
export function rotateKey(id: string): Promise<ApiKey> {
  return ask(api.POST('/api/v1/api-keys/{id}/rotate', { ...by(id), body: {} }))
}

export async function revokeKey(id: string): Promise<void> {
  await ask(api.DELETE('/api/v1/api-keys/{id}', by(id)))
}
