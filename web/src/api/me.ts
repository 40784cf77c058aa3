import { api, ask } from './client'
import type { components } from './schema'
import type { User } from './session'

export type SessionRow = components['schemas']['SessionRow']

export function rename(name: string): Promise<User> {
  return ask(api.PATCH('/api/v1/me', { body: { name } }))
}

export async function changePassword(password: string, next: string): Promise<void> {
  await ask(api.POST('/api/v1/me/password', { body: { password, new_password: next } }))
}

export async function getSessions(signal?: AbortSignal): Promise<SessionRow[]> {
  return (await ask(api.GET('/api/v1/me/sessions', { signal }))).data
}

/** Makes a secret for an authenticator app; it is asked for when it is confirmed. */
export function beginSecondFactor(password: string): Promise<{ secret: string; url: string }> {
  return ask(api.POST('/api/v1/me/second-factor', { body: { password } }))
}

/** Turns the second factor on, and returns the recovery codes, this once. */
export async function confirmSecondFactor(code: string): Promise<string[]> {
  const body = { code }
  return (await ask(api.POST('/api/v1/me/second-factor/confirm', { body }))).recovery_codes
}

export async function removeSecondFactor(password: string, code: string): Promise<void> {
  await ask(api.POST('/api/v1/me/second-factor/remove', { body: { password, code } }))
}

export async function endSession(id: string): Promise<void> {
  await ask(api.DELETE('/api/v1/me/sessions/{id}', { params: { path: { id } } }))
}

export async function endOtherSessions(): Promise<void> {
  await ask(api.DELETE('/api/v1/me/sessions'))
}
