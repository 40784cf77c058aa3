import { http, HttpResponse } from 'msw'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { network } from '@/testing/network'
import { ApiError, onSessionEnded } from './client'
import { getMe } from './session'
import { getBooks } from './books'

let refreshed = 0
let live = false

/** A service whose access token has ended, and that refreshes it or not. */
function serve(refresh: () => Response | Promise<Response>): void {
  refreshed = 0
  live = false
  network.use(
    http.post('*/api/v1/auth/refresh', async ({ request }) => {
      refreshed++
      expect(request.headers.get('X-CSRF-Token')).toBe('token')
      return refresh()
    }),
    http.get('*/api/v1/books', () =>
      live
        ? HttpResponse.json({ data: [], next_cursor: null })
        : HttpResponse.json({ title: 'Unauthorized', code: 'unauthenticated' }, { status: 401 }),
    ),
  )
}

const carriesOn = () => {
  live = true
  return HttpResponse.json({})
}

beforeEach(() => {
  document.cookie = 'couponbook_csrf=token; Path=/'
})

afterEach(() => {
  document.cookie = 'couponbook_csrf=; Path=/; Max-Age=0'
  localStorage.clear()
})

test('an access token that has ended is carried on, once for all who wait', async () => {
  serve(async () => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    return carriesOn()
  })
  const pages = await Promise.all([getBooks({}), getBooks({}), getBooks({})])
  expect(pages.map((page) => page.data)).toEqual([[], [], []])
  expect(refreshed).toBe(1)
})

test('a session that has ended is told, and not asked for again', async () => {
  const ended = vi.fn()
  onSessionEnded(ended)
  serve(() => HttpResponse.json({ title: 'Unauthorized', code: 'session_ended' }, { status: 401 }))
  await expect(getBooks({})).rejects.toBeInstanceOf(ApiError)
  expect(ended).toHaveBeenCalledOnce()
  await expect(getBooks({})).rejects.toBeInstanceOf(ApiError)
  expect(refreshed).toBe(1)
})

test('a service that is away does not end the session', async () => {
  const ended = vi.fn()
  onSessionEnded(ended)
  serve(() => new HttpResponse(null, { status: 503 }))
  await expect(getBooks({})).rejects.not.toBeInstanceOf(ApiError)
  expect(ended).not.toHaveBeenCalled()
  serve(carriesOn)
  await expect(getBooks({})).resolves.toEqual({ data: [], next_cursor: null })
})

test('who has no session is not asked to carry one on', async () => {
  document.cookie = 'couponbook_csrf=; Path=/; Max-Age=0'
  serve(carriesOn)
  network.use(
    http.get('*/api/v1/me', () =>
      HttpResponse.json({ title: 'Unauthorized', code: 'unauthenticated' }, { status: 401 }),
    ),
  )
  await expect(getMe()).resolves.toBeUndefined()
  expect(refreshed).toBe(0)
})
