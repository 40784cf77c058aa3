import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'

export const ada = { id: '0198', email: 'ada@example.com', name: 'Ada Lovelace', role: 'manager' }

export const ready = {
  status: 'ok',
  checks: { postgres: 'ok', redis: 'ok', migrations: 'ok' },
}

export function problem(status: number, code: string, detail: string) {
  const body = { title: 'Refused', status, code, detail }
  const headers = { 'Content-Type': 'application/problem+json' }
  return HttpResponse.json(body, { status, headers })
}

/** A healthy service at which nobody is signed in. A test replaces what it is about. */
export const network = setupServer(
  http.get('/readyz', () => HttpResponse.json(ready)),
  http.get('/api/v1/me', () => problem(401, 'unauthenticated', 'Sign in first.')),
)
