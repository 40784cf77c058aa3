import { screen } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { granted, job, network, problem, sale } from '@/testing/network'
import { visit } from '@/testing/visit'

/** Answers claims and keeps their keys. */
function answerClaims(...answers: (() => Response)[]) {
  const keys: (string | null)[] = []
  network.use(
    http.post('*/api/v1/books/b1/claims', ({ request }) => {
      keys.push(request.headers.get('Idempotency-Key'))
      return (answers.length > 1 ? answers.shift() : answers[0])!()
    }),
  )
  return keys
}

const press = async () =>
  userEvent.click(await screen.findByRole('button', { name: 'Get my coupon' }))

describe('the sale page', () => {
  beforeEach(() => {
    network.use(http.get('*/api/v1/sales/b1', () => HttpResponse.json(sale())))
  })

  it('gets a coupon: in line, a better place, the code', async () => {
    answerClaims(() => HttpResponse.json(job({ position: 812 }), { status: 202 }))
    const answers = [job({ position: 900 }), job({ position: 40 }), granted]
    const gates: (() => void)[] = []
    network.use(
      http.get('*/api/v1/jobs/j1', async () => {
        await new Promise<void>((open) => gates.push(open))
        return HttpResponse.json(answers.shift())
      }),
    )
    const open = async () => {
      await expect.poll(() => gates.length).toBe(1)
      gates.shift()!()
    }
    await visit('/sales/b1')
    await press()
    expect(await screen.findByText('812')).toBeVisible()
    await open()
    await expect.poll(() => gates.length).toBe(1)
    expect(screen.getByText('812')).toBeVisible() // a place never gets worse
    await open()
    expect(await screen.findByText('40')).toBeVisible()
    await open()
    expect(await screen.findByText('SUMMER-1234')).toBeVisible()
  })

  it('finds its claim again after a reload, in another page, without a second one', async () => {
    const keys = answerClaims(() => HttpResponse.json(job({ position: 3 }), { status: 202 }))
    network.use(http.get('*/api/v1/jobs/j1', () => HttpResponse.json(job({ position: 3 }))))
    const first = await visit('/sales/b1')
    await press()
    expect(await screen.findByText('3')).toBeVisible()
    first.unmount()

    network.use(http.get('*/api/v1/jobs/j1', () => HttpResponse.json(granted)))
    await visit('/sales/b1')
    expect(await screen.findByText('SUMMER-1234')).toBeVisible()
    expect(keys).toHaveLength(1)
  })

  it('keeps trying under the same key while the connection is lost', async () => {
    const keys = answerClaims(
      () => HttpResponse.error(),
      () => HttpResponse.json(granted),
    )
    await visit('/sales/b1')
    await press()
    expect(await screen.findByText(/your place is safe/)).toBeVisible()
    expect(await screen.findByText('SUMMER-1234', {}, { timeout: 3000 })).toBeVisible()
    expect(keys).toHaveLength(2)
    expect(keys[0]).toBe(keys[1])
  })

  it('shares its link, and says so when the browser does not let it copy', async () => {
    const write = vi.spyOn(navigator.clipboard, 'writeText').mockResolvedValueOnce()
    await visit('/sales/b1')
    await userEvent.click(await screen.findByRole('button', { name: 'Share' }))
    expect(await screen.findByText('The link to this sale is copied.')).toBeVisible()
    write.mockRejectedValueOnce(new DOMException('not allowed'))
    await userEvent.click(screen.getByRole('button', { name: 'Share' }))
    expect(await screen.findByText(/could not be copied/)).toBeVisible()
  })

  it('copies the code, and says so when the browser does not let it', async () => {
    answerClaims(() => HttpResponse.json(granted))
    const write = vi.spyOn(navigator.clipboard, 'writeText')
    write.mockRejectedValueOnce(new DOMException('not allowed')).mockResolvedValueOnce()
    await visit('/sales/b1')
    await press()
    await userEvent.click(await screen.findByRole('button', { name: 'Copy' }))
    expect(await screen.findByText(/could not be copied; select it/)).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: 'Copy' }))
    expect(await screen.findByRole('button', { name: 'Copied' })).toBeVisible()
    expect(write).toHaveBeenLastCalledWith('SUMMER-1234')
  })

  it('is kind when all are gone, and goes back to the sale', async () => {
    answerClaims(() => problem(409, 'sold_out', 'All coupons of the book are taken.'))
    await visit('/sales/b1')
    await press()
    expect(await screen.findByText('All gone')).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: 'Back to the sale' }))
    expect(await screen.findByRole('button', { name: 'Get my coupon' })).toBeVisible()
  })

  it('names what one holds when the limit is reached', async () => {
    const error = {
      code: 'limit_reached',
      detail: 'The user holds enough.',
      coupons: granted.result!.coupons!,
    }
    answerClaims(() => HttpResponse.json(job({ status: 'failed', done: true, error })))
    await visit('/sales/b1')
    await press()
    expect(await screen.findByText('You have yours already')).toBeVisible()
    expect(screen.getByRole('link', { name: 'SUMMER-1234' })).toHaveAttribute('href', '/coupons/c1')
  })

  it('shows what the service says of a refusal that it does not know', async () => {
    answerClaims(() => problem(403, 'new_rule', 'Not on Mondays.'))
    await visit('/sales/b1')
    await press()
    expect(await screen.findByText('Not on Mondays.')).toBeVisible()
  })
})

it('has nothing more for who has as many as he may', async () => {
  network.use(http.get('*/api/v1/sales/b1', () => HttpResponse.json(sale({ held: 1 }))))
  await visit('/sales/b1')
  expect(await screen.findByText('You have yours.')).toBeVisible()
  expect(screen.queryByRole('button', { name: 'Get my coupon' })).toBeNull()
})

describe('a sale that is not open', () => {
  const show = async (changes: Parameters<typeof sale>[0]) => {
    network.use(http.get('*/api/v1/sales/b1', () => HttpResponse.json(sale(changes))))
    await visit('/sales/b1')
    await screen.findByRole('heading', { name: 'Summer' })
  }

  it('counts down on the clock of the service, and opens by itself', async () => {
    const wrong = Date.now() - 3_600_000 // this device is an hour ahead
    await show({
      phase: 'coming',
      now: new Date(wrong).toISOString(),
      starts_at: new Date(wrong + 1_200).toISOString(),
    })
    expect(screen.getByRole('timer')).toHaveTextContent(/00.*hours.*00.*minutes.*0[12].*seconds/)
    expect(
      await screen.findByRole('button', { name: 'Get my coupon' }, { timeout: 3000 }),
    ).toBeVisible()
  })

  it.each([
    ['sold_out', /found an owner/],
    ['paused', /Come back/],
    ['ended', /is over/],
  ] as const)('says so: %s', async (phase, words) => {
    await show({ phase })
    expect(screen.getByText(words)).toBeVisible()
    expect(screen.queryByRole('button', { name: 'Get my coupon' })).toBeNull()
  })

  it('is not there, and says so', async () => {
    network.use(
      http.get('*/api/v1/sales/b1', () => problem(404, 'book_not_found', 'There is no such book.')),
    )
    await visit('/sales/b1')
    expect(await screen.findByText('There is no such book.')).toBeVisible()
  })
})
