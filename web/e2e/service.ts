import { createHmac } from 'node:crypto'
import { request, type APIRequestContext } from '@playwright/test'

const { ADMIN_EMAIL: email = 'admin@example.com', ADMIN_PASSWORD: password = 'couponbook-demo' } =
  process.env
export const admin = { email, password }

interface Sale {
  name: string
  codes: number
  opensInMs?: number
}

interface Job {
  id: string
  done: boolean
}

/** Makes a book with codes and opens it, as its manager does through the API. */
export async function makeSale(baseURL: string, sale: Sale): Promise<string> {
  const api = await signedIn(baseURL)
  const { id } = await post<{ id: string }>(api, 'books', {
    name: sale.name,
    description: 'Ten percent off everything that is warm.',
    max_assignments_per_user: 1,
    ...(sale.opensInMs && { starts_at: fromNow(sale.opensInMs) }),
  })
  await finish(api, `books/${id}/codes/generate`, { count: sale.codes })
  await post(api, `books/${id}/activate`, undefined)
  await api.dispose()
  return id
}

/** Submits a job and waits for its end. */
export async function finish(api: APIRequestContext, path: string, data: unknown): Promise<string> {
  let job = await post<Job>(api, path, data)
  while (!job.done) {
    const answer = await api.get(`/api/v1/jobs/${job.id}`, { headers: { Prefer: 'wait=5' } })
    job = (await answer.json()) as Job
  }
  return job.id
}

/** Gets a coupon, as whoever asks the API. The queue monitor shows its task for a minute. */
export async function claim(baseURL: string, book: string): Promise<void> {
  const api = await signedIn(baseURL)
  const answer = await api.post(`/api/v1/books/${book}/claims`, { headers: { Prefer: 'wait=10' } })
  if (answer.status() !== 200) throw new Error(`POST claims: ${await answer.text()}`)
  await api.dispose()
}

/** Makes an account without a password, and the path of the page to set one. */
export async function makeResetLink(baseURL: string, email: string): Promise<string> {
  const api = await signedIn(baseURL)
  const { id } = await post<{ id: string }>(api, 'users', { email })
  const { path } = await post<{ path: string }>(api, `users/${id}/password-reset`, undefined)
  await api.dispose()
  return path
}

/** What an authenticator app with this secret shows, some half minutes from now (RFC 6238). */
export function codeOf(secret: string, steps: number): string {
  const bits = [...secret].map((letter) => base32.indexOf(letter).toString(2).padStart(5, '0'))
  const key = Buffer.from(
    bits
      .join('')
      .match(/.{8}/g)!
      .map((byte) => parseInt(byte, 2)),
  )
  const count = Buffer.alloc(8)
  count.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps))
  const mac = createHmac('sha1', key).update(count).digest()
  const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff
  return String(number % 1_000_000).padStart(6, '0')
}
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

const fromNow = (ms: number) => new Date(Date.now() + ms).toISOString()

/** Moves the opening of a sale. */
export async function open(baseURL: string, sale: string, inMs: number): Promise<void> {
  const api = await signedIn(baseURL)
  const answer = await api.patch(`/api/v1/books/${sale}`, { data: { starts_at: fromNow(inMs) } })
  if (!answer.ok()) throw new Error(`PATCH books/${sale}: ${await answer.text()}`)
  await api.dispose()
}

export async function signedIn(baseURL: string): Promise<APIRequestContext> {
  const guest = await request.newContext({ baseURL })
  const { access_token: token } = await post<{ access_token: string }>(guest, 'auth/login', admin)
  await guest.dispose()
  return request.newContext({ baseURL, extraHTTPHeaders: { Authorization: `Bearer ${token}` } })
}

export async function post<T>(api: APIRequestContext, path: string, data: unknown): Promise<T> {
  const answer = await api.post(`/api/v1/${path}`, data === undefined ? {} : { data })
  if (!answer.ok()) throw new Error(`POST ${path}: ${await answer.text()}`)
  return (await answer.json()) as T
}
