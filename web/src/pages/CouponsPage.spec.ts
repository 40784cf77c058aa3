import { screen } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { expect, it } from 'vitest'
import { coupon, network, page, problem } from '@/testing/network'
import { visit } from '@/testing/visit'

it('says what to do when there is none', async () => {
  await visit('/coupons')
  expect(await screen.findByText('No coupon yet')).toBeVisible()
  expect(screen.getByRole('link', { name: 'To the sales' })).toHaveAttribute('href', '/sales')
})

it('says why there is nothing to see, and tries again', async () => {
  const away = () => problem(503, 'busy', 'The service cannot do this right now.')
  network.use(http.get('*/api/v1/me/coupons', away, { once: true }))
  await visit('/coupons')
  expect(await screen.findByText('The service cannot do this right now.')).toBeVisible()
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
  expect(await screen.findByText('No coupon yet')).toBeVisible()
})

it('counts by state, filters, keeps the filter in the address, and reads on', async () => {
  const used = coupon({ id: 'c2', code: 'USED-1', state: 'REDEEMED', remaining: 0 })
  const asked: string[] = []
  network.use(
    http.get('*/api/v1/me/coupons', ({ request }) => {
      const query = new URL(request.url).searchParams
      asked.push(query.toString())
      const counts = { ASSIGNED: 1, REDEEMED: 1 }
      if (query.get('state') === 'REDEEMED') return page([used], { counts })
      if (query.get('cursor') === 'on') return page([used], { counts })
      return HttpResponse.json({ data: [coupon()], next_cursor: 'on', counts })
    }),
  )
  const { router } = await visit('/coupons')
  expect(await screen.findByText('SUMMER-1234')).toBeVisible()
  await userEvent.click(screen.getByRole('button', { name: 'Show more' }))
  expect(await screen.findByText('USED-1')).toBeVisible()
  expect(screen.getByText('SUMMER-1234')).toBeVisible()

  await userEvent.click(screen.getByRole('button', { name: /Redeemed/ }))
  await expect.poll(() => screen.queryByText('SUMMER-1234')).toBeNull()
  expect(router.currentRoute.value.query).toEqual({ state: 'REDEEMED' })
  expect(screen.getByRole('button', { name: /Redeemed/ })).toHaveAttribute('aria-pressed', 'true')
  expect(asked).toEqual(['limit=24', 'cursor=on&limit=24', 'state=REDEEMED&limit=24'])
})
