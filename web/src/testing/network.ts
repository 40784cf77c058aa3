import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import type { Batch, Book, Stats } from '@/api/books'
import type { Coupon, Happening } from '@/api/coupons'
import type { Outcome, Plan } from '@/api/distributions'
import type { Member, Pool } from '@/api/pools'
import type { Job, Sale } from '@/api/sales'
import type { User } from '@/api/session'
import type { Attempt, Delivery, Endpoint } from '@/api/webhooks'

export const max: User = user('0199', 'max@example.com', 'Max', 'manager')
export const ada: User = user('0198', 'ada@example.com', 'Ada', 'user')

function user(id: string, email: string, name: string, role: User['role']): User {
  const none = { external_id: null, disabled_at: null, erased_at: null, second_factor_since: null }
  return { id, email, name, role, created_at: '2026-11-01T10:00:00Z', ...none }
}

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

export function book(changes: Partial<Book> = {}): Book {
  return {
    id: 'b1',
    owner_id: max.id,
    name: 'Summer',
    description: '',
    status: 'active',
    starts_at: null,
    ends_at: null,
    time_zone: 'UTC',
    max_assignments_per_user: 1,
    require_lock: true,
    lock_seconds: 300,
    max_redemptions: 1,
    max_redemptions_per_user: null,
    rollback_window_seconds: 0,
    valid_for_seconds: 0,
    low_stock_percent: 10,
    ending_soon_seconds: 86_400,
    metadata: {},
    benefit: null,
    archived_at: null,
    version: 1,
    created_at: '2026-11-01T10:00:00Z',
    updated_at: '2026-11-01T10:00:00Z',
    ...changes,
  }
}

export const stats: Stats = {
  total: 10,
  free: 8,
  disabled: 0,
  reserved: 0,
  assigned: 2,
  locked: 0,
  redeemed: 0,
  expired: 0,
  void: 0,
  redemptions: 0,
  rollbacks: 0,
  refused: 0,
  queued: 0,
}

export const batch: Batch = {
  id: 't1',
  kind: 'generated',
  job_id: 'j1',
  pattern: 'SUMMER-####',
  file_name: null,
  codes: 10,
  voided_at: null,
  created_at: '2026-11-01T10:00:00Z',
}

export function pool(changes: Partial<Pool> = {}): Pool {
  return {
    id: 'p1',
    owner_id: max.id,
    name: 'Newsletter',
    description: 'Who wants to hear from us',
    members: 3,
    version: 1,
    created_at: '2026-11-01T10:00:00Z',
    updated_at: '2026-11-01T10:00:00Z',
    ...changes,
  }
}

export const member: Member = {
  user_id: 'u1',
  email: 'ann@example.com',
  external_id: null,
  name: 'Ann',
  disabled_at: null,
  added_at: '2026-11-01T10:00:00Z',
}

export function plan(changes: Partial<Plan> = {}): Plan {
  return {
    dry_run: true,
    plan: { id: 'j1', hash: 'ab', expires_at: '2026-11-02T10:00:00Z' },
    members: 3,
    planned: 4,
    granted: 0,
    left: 6,
    gets: [{ coupons: 2, recipients: 2 }],
    reasons: { user_disabled: 1 },
    ...changes,
  }
}

export const outcome: Outcome = {
  n: 1,
  status: 'granted',
  item_id: null,
  line: null,
  code: null,
  user_id: 'u1',
  user: 'ann@example.com',
  planned: 2,
  coupons: [
    { id: 'c1', code: 'SUMMER-1', expires_at: null },
    { id: 'c2', code: 'SUMMER-2', expires_at: null },
  ],
  reason: null,
  detail: null,
}

export function job(changes: Partial<Job> = {}): Job {
  return {
    id: 'j1',
    kind: 'claim',
    status: 'queued',
    done: false,
    canceling: false,
    book_id: 'b1',
    pool_id: null,
    user_id: ada.id,
    coupon_id: null,
    submitted_by: ada.id,
    created_at: '2026-11-01T10:00:00Z',
    started_at: null,
    finished_at: null,
    progress: { total: 1, processed: 0, succeeded: 0, failed: 0, skipped: 0 },
    terms: null,
    position: null,
    estimated_wait_ms: null,
    waited_ms: 0,
    result: null,
    error: null,
    links: { self: '/api/v1/jobs/j1', stream: '/api/v1/jobs/j1/stream' },
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

export function endpoint(changes: Partial<Endpoint> = {}): Endpoint {
  return {
    id: 'w1',
    owner_id: max.id,
    url: 'https://example.com/hooks',
    description: '',
    events: ['coupon.*'],
    book_ids: [],
    include_codes: false,
    status: 'enabled',
    disabled_reason: null,
    disabled_at: null,
    failures: 0,
    failing_since: null,
    open_until: null,
    old_secret_until: null,
    version: 1,
    created_at: '2026-11-01T10:00:00Z',
    updated_at: '2026-11-01T10:00:00Z',
    ...changes,
  }
}

export function delivery(changes: Partial<Delivery> = {}): Delivery {
  return {
    id: 7,
    endpoint_id: 'w1',
    message_id: 'evt_42',
    type: 'coupon.assigned',
    events: 1,
    callback_url: null,
    status: 'succeeded',
    attempts: 1,
    next_attempt_at: null,
    event_at: '2026-11-01T10:00:00Z',
    created_at: '2026-11-01T10:00:00Z',
    ended_at: '2026-11-01T10:00:01Z',
    ...changes,
  }
}

export const attempt: Attempt = {
  n: 1,
  url: 'https://example.com/hooks',
  request_headers: { 'Webhook-Id': 'evt_42' },
  started_at: '2026-11-01T10:00:00Z',
  took_ms: 12.5,
  status_code: 204,
  error: null,
  detail: null,
  response_headers: {},
  response_body: null,
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
  http.post('*/api/v1/auth/refresh', () => problem(401, 'session_ended', 'It has ended.')),
  http.get('*/api/v1/sales', () => page([])),
  http.get('*/api/v1/me/coupons', () => page([], { counts: {} })),
)

/** The same service with a book in it, at which its manager is signed in. */
export const bookHandlers = [
  http.get('*/api/v1/me', () => HttpResponse.json(max)),
  http.get('*/api/v1/books', () => page([book()])),
  http.get('*/api/v1/books/b1', () => HttpResponse.json(book())),
  http.get('*/api/v1/books/b1/stats', () => HttpResponse.json(stats)),
  http.get('*/api/v1/books/b1/coupons', () => page([coupon()])),
  http.get('*/api/v1/books/b1/batches', () => page([batch])),
]

/** The same service with a pool of three in it. */
export const poolHandlers = [
  ...bookHandlers,
  http.get('*/api/v1/pools', () => page([pool()])),
  http.get('*/api/v1/pools/p1', () => HttpResponse.json(pool())),
  http.get('*/api/v1/pools/p1/members', () => page([member])),
  http.get('*/api/v1/jobs', () => page([])),
  http.get('*/api/v1/jobs/:id/outcomes', () => page([outcome])),
]

/** The same service with a webhook endpoint in it, to which something was sent. */
export const webhookHandlers = [
  ...bookHandlers,
  http.get('*/api/v1/webhooks', () => page([endpoint()])),
  http.get('*/api/v1/webhooks/w1', () => HttpResponse.json(endpoint())),
  http.get('*/api/v1/webhooks/w1/deliveries', () => page([delivery()])),
  http.get('*/api/v1/deliveries/7', () =>
    HttpResponse.json({ ...delivery(), body: { data: { coupons: [] } }, log: [attempt] }),
  ),
  http.get('*/api/v1/event-types', () =>
    page(
      ['coupon.assigned', 'book.paused', 'webhook.test'].map((type) => ({
        type,
        description: '',
        schema: {},
      })),
    ),
  ),
]
