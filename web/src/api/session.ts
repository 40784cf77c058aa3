import { ApiError, isRecord, request, send } from './client'

export interface User {
  id: string
  email: string
  name: string
  role: string
}

export interface Credentials {
  email: string
  password: string
}

/** Who is signed in; undefined when nobody is. */
export async function getMe(signal?: AbortSignal): Promise<User | undefined> {
  try {
    return await request('/api/v1/me', isUser, { signal })
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return undefined
    throw error
  }
}

/** Starts a cookie session. The access token in the answer is for API clients and is not kept. */
export async function signIn(credentials: Credentials): Promise<User> {
  const json = { ...credentials, session: true }
  const { user } = await request('/api/v1/auth/login', isLogin, { method: 'POST', json })
  return user
}

/** Ends the cookie session. One that the service has already forgotten is ended too. */
export async function signOut(): Promise<void> {
  await send('/api/v1/auth/logout', { method: 'POST', accept: [401] })
}

function isUser(body: unknown): body is User {
  return (
    isRecord(body) &&
    [body.id, body.email, body.name, body.role].every((field) => typeof field === 'string')
  )
}

function isLogin(body: unknown): body is { user: User } {
  return isRecord(body) && isUser(body.user)
}
