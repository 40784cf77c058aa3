import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import type { Coupon, Happening } from '@/api/coupons'
import type { Job, Sale } from '@/api/sales'
import type { User } from '@/api/session'

export const ada: User = { id: '0198', email: 'ada@example.com', name: 'Ada', role: 'user' }

export function sale(changes: Partial<Sale> = {}): Sale {
  return {
    id: 'b1',
    name: 'Summer',
    description: 'Warm days',
    phase: 'open',
    starts_at: null,
    ends_at: null,
    max_assignments_per_user: 1,
    held: 0,
    benefit: null,
    now: new Date().toISOString(),
    ...changes,
  }
}

export function coupon(changes: Partial<Coupon> = {}): Coupon {
  return {
    id: 'c1',
    book_id: 'b1',
    book_name: 'Summer',
    batch_id: null,
    code: 'SUMMER-1234',
    state: 'ASSIGNED',
    user_id: ada.id,
    assigned_at: '2026-11-01T10:00:00Z',
    starts_at: null,
    expires_at: null,
    disabled_at: null,
    locked_until: null,
    max_redemptions: 1,
    remaining: 1,
    benefit: null,
    metadata: null,
    now: new Date().toISOString(),
    ...changes,
  }
}

export function job(changes: Partial<Job> = {}): Job {
  return {
    id: 'j1',
    kind: 'claim',
    status: 'queued',
    done: false,
    book_id: 'b1',
    user_id: ada.id,
    coupon_id: null,
    submitted_by: ada.id,
    created_at: '2026-11-01T10:00:00Z',
    started_at: null,
    finished_at: null,
    progress: { total: 1, processed: 0, succeeded: 0, failed: 0 },
    position: null,
    result: null,
    error: null,
    links: { self: '/api/v1/jobs/j1' },
    ...changes,
  }
}

export const granted = job({
  status: 'succeeded',
  done: true,
  result: { coupons: [{ id: 'c1', code: 'SUMMER-1234', expires_at: null }] },
})

export function happening(seq: number, type: string): Happening {
  return { seq, type, at: '2026-11-01T10:00:00Z', user_id: null, actor_id: null }
}

export function problem(status: number, code: string, detail: string, errors?: object[]) {
  const body = { title: 'Refused', status, code, detail, errors }
  const headers = { 'Content-Type': 'application/problem+json' }
  return HttpResponse.json(body, { status, headers })
}

/** One page of a list, which is all of it. */
export const page = (data: object[], more: object = {}) =>
  HttpResponse.json({ data, next_cursor: null, ...more })

/** A service with nothing in it, at which Ada is signed in. A test replaces what it is about. */
export const network = setupServer(
  http.get('*/api/v1/me', () => HttpResponse.json(ada)),
  http.get('*/api/v1/sales', () => page([])),
  http.get('*/api/v1/me/coupons', () => page([], { counts: {} })),
)
