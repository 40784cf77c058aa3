import { screen, within } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { describe, expect, it } from 'vitest'
import type { Coupon } from '@/api/coupons'
import { coupon, happening, network, problem } from '@/testing/network'
import { visit } from '@/testing/visit'

/** A service with one coupon, which does what it is asked for and keeps what was sent. */
function serve(state: Partial<Coupon> = {}) {
  let now = coupon(state)
  const told = [happening(1, 'coupon.assigned')]
  const sent: unknown[] = []
  const become = (changes: Partial<Coupon>, event: string) => {
    now = { ...now, ...changes, now: new Date().toISOString() }
    told.push(happening(told.length + 1, event))
    return now
  }
  const post = (action: string, answer: () => object) =>
    http.post(`*/api/v1/coupons/c1/${action}`, async ({ request }) => {
      const text = await request.text()
      sent.push([action, text && (JSON.parse(text) as unknown)])
      return HttpResponse.json(answer())
    })
  network.use(
    http.get('*/api/v1/coupons/c1', () => HttpResponse.json(now)),
    http.get('*/api/v1/coupons/c1/timeline', () => HttpResponse.json({ data: told })),
    post('lock', () => {
      const until = new Date(Date.now() + 300_000).toISOString()
      const locked = become({ state: 'LOCKED', locked_until: until }, 'coupon.locked')
      return { lock_token: 'secret', locked_until: until, coupon: locked }
    }),
    post('unlock', () => become({ state: 'ASSIGNED', locked_until: null }, 'coupon.unlocked')),
    post('redeem', () => ({
      redemption: {},
      coupon: become({ state: 'REDEEMED', locked_until: null, remaining: 0 }, 'coupon.redeemed'),
    })),
  )
  return sent
}

const click = async (name: RegExp | string) =>
  userEvent.click(await screen.findByRole('button', { name }))

describe('a coupon', () => {
  it('is locked, and redeemed with the token of the lock', async () => {
    const sent = serve()
    await visit('/coupons/c1')
    expect(await screen.findByRole('img', { name: 'QR code of SUMMER-1234' })).toBeVisible()
    await click(/Lock it/)
    expect(await screen.findByRole('timer')).toHaveTextContent(/^(5:00|4:5\d)$/)
    await click('Redeem')
    await userEvent.click(
      within(await screen.findByRole('dialog')).getByRole('button', { name: 'Redeem' }),
    )
    expect(await screen.findByText('Redeemed. Enjoy!')).toBeVisible()
    expect(screen.queryByRole('button', { name: /Lock it/ })).toBeNull()
    expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual([
      expect.stringContaining('It became yours'),
      expect.stringContaining('Locked for a purchase'),
      expect.stringContaining('Redeemed'),
    ])
    expect(sent).toEqual([
      ['lock', ''],
      ['redeem', { lock_token: 'secret' }],
    ])
  })

  it('keeps its lock through a reload, and lets go of it', async () => {
    const sent = serve()
    const first = await visit('/coupons/c1')
    await click(/Lock it/)
    await screen.findByRole('timer')
    first.unmount()
    await visit('/coupons/c1')
    await click('Unlock')
    expect(await screen.findByRole('button', { name: /Lock it/ })).toBeVisible()
    expect(sent.at(-1)).toEqual(['unlock', { lock_token: 'secret' }])
  })

  it('that somebody else has locked can only be waited for, and is free when the time is over', async () => {
    serve({ state: 'LOCKED', locked_until: new Date(Date.now() + 1_200).toISOString() })
    await visit('/coupons/c1')
    expect(await screen.findByText(/Locked elsewhere/)).toBeVisible()
    expect(screen.queryByRole('button', { name: 'Redeem' })).toBeNull()
    expect(await screen.findByRole('button', { name: /Lock it/ }, { timeout: 3000 })).toBeVisible()
  })

  it('says in the words of the service why something was refused', async () => {
    serve()
    network.use(
      http.post('*/api/v1/coupons/c1/lock', () =>
        problem(409, 'coupon_locked', 'The coupon is locked until noon.'),
      ),
    )
    await visit('/coupons/c1')
    await click(/Lock it/)
    expect(await screen.findByText('The coupon is locked until noon.')).toBeVisible()
  })

  it('that is disabled says so, and shows no way to use it', async () => {
    serve({ disabled_at: '2026-11-02T00:00:00Z' })
    await visit('/coupons/c1')
    expect(await screen.findByText(/It was disabled on/)).toBeVisible()
    expect(screen.queryByRole('button', { name: /Lock it/ })).toBeNull()
  })

  it('that starts later says when', async () => {
    serve({ starts_at: '2099-01-01T00:00:00Z' })
    await visit('/coupons/c1')
    expect(await screen.findByText(/Good from/)).toBeVisible()
  })

  it('that is over shows no way to use it', async () => {
    serve({ state: 'EXPIRED', expires_at: '2026-01-01T00:00:00Z' })
    await visit('/coupons/c1')
    expect(await screen.findByText('Expired')).toBeVisible()
    expect(screen.queryByRole('button', { name: /Lock it/ })).toBeNull()
    expect(screen.queryByRole('img', { name: /QR/ })).toBeNull()
  })
})
