import { api, ApiError, ask } from './client'
import { noteRenewed } from './renewal'
import type { components } from './schema'

export type User = components['schemas']['User']
export type Credentials = Pick<components['schemas']['LoginRequest'], 'email' | 'password' | 'code'>
export type Registration = components['schemas']['RegisterRequest']

/** Who is signed in; undefined when nobody is. */
export async function getMe(): Promise<User | undefined> {
  try {
    return await ask(api.GET('/api/v1/me'))
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return undefined
    throw error
  }
}

/** Starts a cookie session. The access token in the answer is for API clients and is not kept. */
export async function signIn(credentials: Credentials): Promise<User> {
  const { email, password, code } = credentials
  const body = { email, password, code, session: true }
  const { user } = await ask(api.POST('/api/v1/auth/login', { body }))
  noteRenewed()
  return user
}

/** Sets a new password by a link that an admin made; it works once. */
export async function resetPassword(token: string, password: string): Promise<void> {
  await ask(api.POST('/api/v1/auth/password-reset', { body: { token, password } }))
}

export async function register(body: Registration): Promise<User> {
  return ask(api.POST('/api/v1/auth/register', { body }))
}

/** Ends the cookie session. */
export async function signOut(): Promise<void> {
  await ask(api.POST('/api/v1/auth/logout'))
}
