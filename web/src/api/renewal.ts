/** Access tokens live for minutes; the browser carries its session on well before they end. */
const renewAfterMs = 8 * 60_000
const lookEveryMs = 60_000
const renewedAtKey = 'couponbook:renewed'

let renewing: Promise<boolean> | undefined

/**
 * Carries the session on, and tells whether there still is one; rejects when the service is away.
 * One page of the browser does it at a time, for all of them: a token that the service gets twice
 * counts as stolen.
 */
export function renew(): Promise<boolean> {
  const asked = Date.now()
  renewing ??= exclusively(async () => renewedAt() >= asked || carryOn()).finally(() => {
    renewing = undefined
  })
  return renewing
}

/** Keeps the session alive while a page of ours is open. */
export function keepSession(): void {
  setInterval(() => {
    if (hasSession() && Date.now() - renewedAt() > renewAfterMs) void renew().catch(() => {})
  }, lookEveryMs)
}

/** Notes that the session has just got its tokens. */
export function noteRenewed(): void {
  localStorage.setItem(renewedAtKey, String(Date.now()))
}

/** Whether this browser may have a session: its CSRF cookie comes and goes with it. */
export const hasSession = () => csrfToken() !== ''

/** Only our own pages can read the cookie, so echoing it proves that no foreign form sent this. */
export function csrfToken(): string {
  const token = /(?:^|;\s*)couponbook_csrf=([^;]*)/.exec(document.cookie)?.[1]
  return token ? decodeURIComponent(token) : ''
}

const renewedAt = () => Number(localStorage.getItem(renewedAtKey) ?? 0)

async function carryOn(): Promise<boolean> {
  const answer = await fetch('/api/v1/auth/refresh', {
    method: 'POST',
    headers: { 'X-CSRF-Token': csrfToken() },
    keepalive: true, // to its end, even if the page goes: the old token is used up
  })
  if (answer.ok) noteRenewed()
  else if (answer.status === 401) document.cookie = 'couponbook_csrf=; Path=/; Max-Age=0'
  else throw new TypeError(`the session was not carried on: status ${answer.status}`)
  return answer.ok
}

/** Browsers have locks on safe origins only; elsewhere a page has but itself. */
async function exclusively(work: () => Promise<boolean>): Promise<boolean> {
  const locks = (navigator as Partial<Navigator>).locks
  return locks ? await locks.request('couponbook:renewal', work) : await work()
}
