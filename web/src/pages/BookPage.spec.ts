import { screen, within } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it } from 'vitest'
import { ada, book, bookHandlers, coupon, job, network, page, problem } from '@/testing/network'
import { visit } from '@/testing/visit'

const click = async (name: string | RegExp, role = 'button') =>
  userEvent.click(await screen.findByRole(role, { name }))

describe('a book', () => {
  beforeEach(() => network.use(...bookHandlers))

  it('is no page for who has none to manage', async () => {
    network.use(http.get('*/api/v1/me', () => HttpResponse.json(ada)))
    await visit('/books/b1')
    expect(await screen.findByText('There is nothing here')).toBeVisible()
    expect(screen.queryByRole('link', { name: 'Books' })).toBeNull()
  })

  it('shows its numbers and its coupons', async () => {
    await visit('/books/b1')
    expect(await screen.findByRole('heading', { name: 'Summer' })).toBeVisible()
    expect(screen.getByText('Free').nextElementSibling).toHaveTextContent('8')
    expect(await screen.findByRole('cell', { name: 'SUMMER-1234' })).toBeVisible()
  })

  it('says why it cannot be shown', async () => {
    network.use(
      http.get('*/api/v1/books/b1', () => problem(404, 'book_not_found', 'There is no such book.')),
    )
    await visit('/books/b1')
    expect(await screen.findByText('There is no such book.')).toBeVisible()
  })

  it('says why it cannot be activated', async () => {
    network.use(
      http.get('*/api/v1/books/b1', () => HttpResponse.json(book({ status: 'paused' }))),
      http.post('*/api/v1/books/b1/activate', () => problem(409, 'book_state', 'It is closed.')),
    )
    await visit('/books/b1')
    await click('Activate')
    expect(await screen.findByText('It is closed.')).toBeVisible()
  })

  it('keeps the filters in the address, and turns pages', async () => {
    const asked: string[] = []
    network.use(
      http.get('*/api/v1/books/b1/coupons', ({ request }) => {
        const query = new URL(request.url).searchParams
        asked.push(query.toString())
        const second = query.get('cursor') === 'on'
        const data = [coupon({ id: second ? 'c2' : 'c1', code: second ? 'SECOND' : 'FIRST' })]
        return HttpResponse.json({ data, next_cursor: second ? null : 'on' })
      }),
    )
    const { router } = await visit('/books/b1?state=ASSIGNED')
    expect(await screen.findByRole('cell', { name: 'FIRST' })).toBeVisible()
    await click('Next page')
    expect(await screen.findByRole('cell', { name: 'SECOND' })).toBeVisible()
    await click('Previous page')
    expect(await screen.findByRole('cell', { name: 'FIRST' })).toBeVisible()
    await userEvent.type(screen.getByLabelText('Code begins with'), 'sec')
    await expect.poll(() => asked.at(-1)).toBe('state=ASSIGNED&prefix=sec&limit=25')
    expect(router.currentRoute.value.query).toEqual({ state: 'ASSIGNED', prefix: 'sec' })
    expect(asked.slice(0, 3)).toEqual([
      'state=ASSIGNED&limit=25',
      'state=ASSIGNED&cursor=on&limit=25',
      'state=ASSIGNED&limit=25',
    ])
  })

  it('says why a coupon was not disabled', async () => {
    network.use(
      http.post('*/api/v1/coupons/c1/disable', () => problem(410, 'coupon_void', 'It was voided.')),
    )
    await visit('/books/b1')
    await click('What to do with SUMMER-1234')
    await userEvent.click(await screen.findByText('Disable'))
    const dialog = within(await screen.findByRole('dialog'))
    await userEvent.type(dialog.getByLabelText('Reason'), 'stolen')
    await userEvent.click(dialog.getByRole('button', { name: 'Disable' }))
    expect(await screen.findByText('It was voided.')).toBeVisible()
  })

  it('has nothing to do with a coupon that is over', async () => {
    network.use(http.get('*/api/v1/books/b1/coupons', () => page([coupon({ state: 'VOID' })])))
    await visit('/books/b1')
    expect(await screen.findByRole('cell', { name: 'SUMMER-1234' })).toBeVisible()
    expect(screen.queryByRole('button', { name: /What to do/ })).toBeNull()
  })

  it('offers the file of an export, and says why there is none', async () => {
    const keys: (string | null)[] = []
    const file = { rows: 10, url: '/api/v1/exports/x', expires_at: '2099-01-01T00:00:00Z' }
    network.use(
      http.post('*/api/v1/books/b1/codes/export', ({ request }) => {
        keys.push(request.headers.get('Idempotency-Key'))
        if (keys.length === 1) return problem(503, 'busy', 'Not right now.')
        return HttpResponse.json(job({ kind: 'export_codes' }), { status: 202 })
      }),
      http.get('*/api/v1/jobs/j1', () =>
        HttpResponse.json(job({ done: true, status: 'succeeded', result: { export: file } })),
      ),
    )
    await visit('/books/b1')
    await click('Export')
    await click('Make the file')
    expect(await screen.findByText('Not right now.')).toBeVisible()
    await click('Make the file')
    expect(await screen.findByText(/10 codes\./)).toBeVisible()
    expect(screen.getByRole('link', { name: 'Download' })).toHaveAttribute('href', file.url)
    expect(keys[0]).toBe(keys[1]) // the answer may have been lost: the same key again
  })

  it('says what a voided batch has left', async () => {
    const result = { batch_id: 't1', voided: 8, left: 2, reasons: { already_redeemed: 2 } }
    const progress = { total: 10, processed: 10, succeeded: 8, failed: 2, skipped: 0 }
    network.use(
      http.post('*/api/v1/books/b1/batches/t1/void', () =>
        HttpResponse.json(
          job({ done: true, status: 'partially_succeeded', progress, result: { void: result } }),
        ),
      ),
    )
    await visit('/books/b1?tab=batches')
    await click('Void')
    const dialog = within(await screen.findByRole('dialog'))
    expect(dialog.getByText('Void 10 codes?')).toBeVisible()
    await userEvent.type(dialog.getByLabelText('Reason'), 'leaked')
    await userEvent.click(dialog.getByRole('button', { name: 'Void them' }))
    expect(await screen.findByText(/8 coupons are void\./)).toHaveTextContent('2 were redeemed')
    expect(screen.getByRole('link', { name: 'Which ones' })).toHaveAttribute(
      'href',
      '/api/v1/jobs/j1/outcomes.csv',
    )
  })
})
