/** What the service says when it refuses (RFC 9457). `detail` is for people, `code` for programs. */
export interface Problem {
  title: string
  detail?: string
  code?: string
}

/** An answer that is not what was asked for. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.detail ?? problem.title)
    this.name = 'ApiError'
  }
}

/** Tells whether a body has the shape that the caller is going to read. */
export type Shape<T> = (body: unknown) => body is T

interface Options {
  method?: 'GET' | 'POST'
  json?: unknown
  signal?: AbortSignal
  /** Statuses besides 2xx whose body is an answer, not a problem. */
  accept?: number[]
}

interface Answer {
  status: number
  body: unknown
}

/** Longer than any healthy answer takes; a server that never answers must not look like loading. */
const timeoutMs = 10_000

/** Sends, and resolves with a body that has the wanted shape; rejects like `send` otherwise. */
export async function request<T>(path: string, shape: Shape<T>, options?: Options): Promise<T> {
  const { status, body } = await send(path, options)
  if (shape(body)) return body
  throw new ApiError(status, problemIn(body, status))
}

/** The one fetch. Rejects with an ApiError, or with fetch's own error when there was no answer. */
export async function send(path: string, options: Options = {}): Promise<Answer> {
  const { method = 'GET', json, accept = [] } = options
  const timeout = AbortSignal.timeout(timeoutMs)
  const response = await fetch(path, {
    method,
    headers: { ...jsonHeaders(json), ...(method === 'GET' ? {} : csrfHeaders()) },
    body: json === undefined ? null : JSON.stringify(json),
    signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
  })
  const { ok, status } = response
  const body = parse(await response.text())
  if (ok || accept.includes(status)) return { status, body }
  throw new ApiError(status, problemIn(body, status))
}

/** The sentence to show for whatever `request` rejected with. */
export function describe(error: unknown): string {
  if (error instanceof ApiError) return error.message
  return 'The service cannot be reached. Check the connection and try again.'
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function jsonHeaders(json: unknown): Record<string, string> {
  const accept = { Accept: 'application/json, application/problem+json' }
  return json === undefined ? accept : { ...accept, 'Content-Type': 'application/json' }
}

/** Only our own pages can read the cookie, so echoing it proves that no foreign form sent this. */
function csrfHeaders(): Record<string, string> {
  const token = /(?:^|;\s*)couponbook_csrf=([^;]*)/.exec(document.cookie)?.[1]
  return token ? { 'X-CSRF-Token': decodeURIComponent(token) } : {}
}

/** Proxies answer in HTML, and a 204 with nothing: neither is an exception. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function problemIn(body: unknown, status: number): Problem {
  if (!isRecord(body) || typeof body.title !== 'string') {
    return { title: `The service gave an unexpected answer (status ${status}). Try again later.` }
  }
  return {
    title: body.title,
    ...(typeof body.detail === 'string' && { detail: body.detail }),
    ...(typeof body.code === 'string' && { code: body.code }),
  }
}
