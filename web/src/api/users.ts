import { api, ask } from './client'
import type { components } from './schema'
import type { User } from './session'

export type NewUser = components['schemas']['CreateUserRequest']
export type UserChanges = components['schemas']['EditUserRequest']
export type Role = User['role']

export interface UserFilter {
  prefix?: string | undefined
  role?: Role | undefined
  status?: 'enabled' | 'disabled' | undefined
}

const by = (id: string) => ({ params: { path: { id } } })

export function getUsers(filter: UserFilter, cursor: string | undefined, signal?: AbortSignal) {
  return ask(api.GET('/api/v1/users', { params: { query: { ...filter, cursor } }, signal }))
}

export function createUser(body: NewUser): Promise<User> {
  return ask(api.POST('/api/v1/users', { body }))
}

export function editUser(id: string, body: UserChanges): Promise<User> {
  return ask(api.PATCH('/api/v1/users/{id}', { ...by(id), body }))
}

export async function eraseUser(id: string): Promise<void> {
  await ask(api.DELETE('/api/v1/users/{id}', by(id)))
}

export async function endSessionsOf(id: string): Promise<void> {
  await ask(api.DELETE('/api/v1/users/{id}/sessions', by(id)))
}

export async function removeSecondFactorOf(id: string): Promise<void> {
  await ask(api.DELETE('/api/v1/users/{id}/second-factor', by(id)))
}

/** Makes a link that sets a new password, once. */
export async function makeResetLink(id: string): Promise<{ url: string; until: string }> {
  const { path, expires_at } = await ask(api.POST('/api/v1/users/{id}/password-reset', by(id)))
  return { url: new URL(path ?? '', location.origin).href, until: expires_at }
}
