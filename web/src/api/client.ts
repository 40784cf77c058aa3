import createClient from 'openapi-fetch'
import { i18n } from '@/i18n'
import { csrfToken, hasSession, renew } from './renewal'
import type { components, paths } from './schema'

type Schemas = components['schemas']
export type Problem = Pick<Schemas['Problem'], 'title'> & Partial<Schemas['Problem']>

/** An answer that is not what was asked for. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.detail ?? problem.title)
    this.name = 'ApiError'
  }

  /** What is wrong with one field of the request, or in it, by its JSON pointer; empty when nothing is. */
  fault(pointer: string): string {
    const faults = this.problem.errors ?? []
    return faults.find((error) => `${error.pointer}/`.startsWith(`${pointer}/`))?.detail ?? ''
  }
}

/** Longer than any healthy answer takes; a server that never answers must not look like loading. */
const timeoutMs = 15_000

let sessionEnded = () => {}

/** Sets what happens when an answer says that nobody is signed in any more. */
export function onSessionEnded(handler: () => void): void {
  sessionEnded = handler
}

/** The API, typed by its own description. Wrap calls in `ask`. */
export const api = createClient<paths>({
  baseUrl: location.origin,
  fetch: inSession,
})

/** Sends a request; when the access token has ended, carries the session on and sends it again. */
async function inSession(request: Request): Promise<Response> {
  const again = request.clone()
  const answer = await inTime(request)
  if (answer.status !== 401 || !hasSession() || request.url.includes('/auth/')) return answer
  return (await renew()) ? inTime(again) : answer
}

function inTime(request: Request): Promise<Response> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)])
  return fetch(new Request(request, { signal }))
}

api.use({
  onRequest({ request }) {
    if (request.method !== 'GET') {
      const token = csrfToken()
      if (token) request.headers.set('X-CSRF-Token', token)
    }
    return request
  },
})

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** Resolves with the body, or rejects: with an ApiError, or with fetch's own error when there was no answer. */
export async function ask<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call
  if (response.ok) return data as T
  throw refused(response.status, error)
}

function refused(status: number, body: unknown): ApiError {
  const refusal = new ApiError(status, problemIn(body, status))
  if (['unauthenticated', 'session_ended'].includes(refusal.problem.code ?? '')) sessionEnded()
  return refusal
}

/**
 * Sends a file and tells how much of it has gone, from 0 to 1: fetch cannot tell. Rejects as `ask`
 * does; a file may take as long as it takes.
 */
export async function send<T>(
  path: string,
  file: Blob,
  headers: Record<string, string>,
  sent: (part: number) => void,
  signal: AbortSignal,
): Promise<T> {
  await ask(api.GET('/api/v1/me', { signal })) // carries the session on if it must: a file is not sent twice
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', path)
    request.responseType = 'json'
    for (const [name, value] of Object.entries({ ...headers, 'X-CSRF-Token': csrfToken() }))
      request.setRequestHeader(name, value)
    request.upload.onprogress = ({ loaded, total }) => sent(total ? loaded / total : 1)
    request.onload = () => {
      if (request.status < 300) resolve(request.response as T)
      else reject(refused(request.status, request.response))
    }
    request.onerror = () => reject(new TypeError('no answer'))
    request.onabort = () => reject(new DOMException('stopped', 'AbortError'))
    signal.addEventListener('abort', () => request.abort())
    request.send(file)
  })
}

/** The sentence to show for whatever `ask` rejected with. */
export function describe(error: unknown): string {
  if (error instanceof ApiError) return error.message
  return i18n.global.t('app.unreachable')
}

/** Whether the same request may well work in a moment. */
export function isPassing(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status >= 500 || error.status === 429
}

/** Proxies answer in HTML: that is no problem of ours, but one all the same. */
function problemIn(body: unknown, status: number): Problem {
  if (typeof body === 'object' && body !== null && 'title' in body) return body as Problem
  return { title: i18n.global.t('app.unexpected', { status }) }
}
