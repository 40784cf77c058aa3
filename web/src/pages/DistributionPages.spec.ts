import { screen, within } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Job } from '@/api/sales'
import { job, network, plan, poolHandlers, problem } from '@/testing/network'
import { visit } from '@/testing/visit'

const terms: NonNullable<Job['terms']> = {
  mode: 'equal',
  per_user: 1,
  count: null,
  on_shortage: 'partial',
  dry_run: false,
  plan_id: null,
}
const given = (changes: Partial<Job>): Job =>
  job({ kind: 'distribution', pool_id: 'p1', book_id: 'b1', terms, ...changes })
const planned = given({
  done: true,
  status: 'succeeded',
  terms: { ...terms, dry_run: true },
  result: { distribution: plan() },
})

beforeEach(() => network.use(...poolHandlers))

const click = async (name: string | RegExp) =>
  userEvent.click(await screen.findByRole('button', { name }))

describe('distributing', () => {
  it('plans first, and then carries exactly that plan out', async () => {
    const sent: unknown[] = []
    network.use(
      http.post('*/api/v1/pools/p1/distributions', async ({ request }) => {
        sent.push(await request.json())
        return HttpResponse.json(sent.length === 1 ? planned : given({ id: 'j2' }), { status: 202 })
      }),
      http.get('*/api/v1/jobs/j2', () => HttpResponse.json(given({ id: 'j2', status: 'running' }))),
    )
    const { router } = await visit('/pools/p1/distribute')
    expect(await screen.findByRole('button', { name: 'See the plan' })).toBeDisabled()
    await userEvent.click(screen.getByLabelText('Book'))
    await userEvent.click(await screen.findByRole('option', { name: 'Summer' }))
    await userEvent.click(screen.getByLabelText('If there are too few, give out what there is'))
    await click('See the plan')
    expect(await screen.findByText('2 members get 2 coupons each')).toBeVisible()
    expect(screen.getByText('1 disabled')).toBeVisible()
    expect(router.currentRoute.value.query).toEqual({ plan: 'j1' })

    await click('Give out 4 coupons')
    const dialog = within(await screen.findByRole('dialog'))
    const give = dialog.getByRole('button', { name: 'Give them out' })
    await userEvent.type(dialog.getByLabelText('Name of the pool'), 'Newslette')
    expect(give).toBeDisabled()
    await userEvent.type(dialog.getByLabelText('Name of the pool'), 'r')
    await userEvent.click(give)
    await expect.poll(() => router.currentRoute.value.path).toBe('/distributions/j2')
    const asked = { book_id: 'b1', mode: 'equal', per_user: 1, on_shortage: 'partial' }
    expect(sent).toEqual([{ ...asked, dry_run: true }, { plan_id: 'j1' }])
  })

  it('finds its plan again after a reload, and says that it is stale', async () => {
    network.use(
      http.get('*/api/v1/jobs/j1', () => HttpResponse.json(planned)),
      http.post('*/api/v1/pools/p1/distributions', () =>
        problem(409, 'plan_used', 'The plan was carried out already.'),
      ),
    )
    await visit('/pools/p1/distribute?plan=j1')
    await click('Give out 4 coupons')
    const dialog = within(await screen.findByRole('dialog'))
    await userEvent.type(dialog.getByLabelText('Name of the pool'), 'Newsletter')
    await userEvent.click(dialog.getByRole('button', { name: 'Give them out' }))
    expect(await screen.findByText('The plan was carried out already.')).toBeVisible()
  })

  it('does not carry out what was changed since', async () => {
    network.use(http.get('*/api/v1/jobs/j1', () => HttpResponse.json(planned)))
    await visit('/pools/p1/distribute?plan=j1')
    expect(await screen.findByRole('button', { name: 'Give out 4 coupons' })).toBeEnabled()
    expect(screen.getByLabelText('If there are too few, give out what there is')).toBeChecked()
    await userEvent.type(screen.getByLabelText('Coupons for each member'), '0')
    expect(screen.getByRole('button', { name: 'Give out 4 coupons' })).toBeDisabled()
    expect(screen.getByText(/look at the plan again/)).toBeVisible()
  })

  it('shows why there is no plan', async () => {
    const error = { code: 'distribution_shortage', detail: '4 coupons are needed and 3 are free.' }
    network.use(
      http.get('*/api/v1/jobs/j1', () =>
        HttpResponse.json(given({ done: true, status: 'failed', error })),
      ),
    )
    await visit('/pools/p1/distribute?plan=j1')
    expect(await screen.findByText(error.detail)).toBeVisible()
    expect(screen.queryByRole('button', { name: /^Give out/ })).toBeNull()
  })
})

describe('a distribution', () => {
  it('is paused and resumed, and shows what the service says', async () => {
    let now = given({
      status: 'running',
      progress: { total: 3, processed: 1, succeeded: 1, failed: 0, skipped: 0 },
    })
    const steered: string[] = []
    network.use(
      http.get('*/api/v1/jobs/j1', () => HttpResponse.json(now)),
      http.post('*/api/v1/jobs/j1/:what', ({ params }) => {
        steered.push(String(params.what))
        now = { ...now, status: params.what === 'pause' ? 'paused' : 'queued' }
        if (steered.length === 3) return problem(409, 'job_done', 'The job has ended.')
        return HttpResponse.json(now)
      }),
    )
    await visit('/distributions/j1')
    expect(await screen.findByText('1 of 3')).toBeVisible()
    await click('Pause')
    expect(await screen.findByText('Paused')).toBeVisible()
    await click('Resume')
    expect(await screen.findByText('Waiting')).toBeVisible()
    await click('Cancel')
    expect(await screen.findByText('The job has ended.')).toBeVisible()
    expect(steered).toEqual(['pause', 'resume', 'cancel'])
  })

  it('shows who got what, and takes it back by name and reason', async () => {
    const distribution = plan({ dry_run: false, granted: 4 })
    const recall = {
      distribution_id: 'j1',
      recalled: 3,
      left: 1,
      reasons: { already_redeemed: 1 },
    }
    let asked: unknown
    network.use(
      http.get('*/api/v1/jobs/j1', () =>
        HttpResponse.json(given({ done: true, status: 'succeeded', result: { distribution } })),
      ),
      http.post('*/api/v1/jobs/j1/recall', async ({ request }) => {
        asked = await request.json()
        return HttpResponse.json(
          given({ id: 'j3', kind: 'recall_distribution', done: true, result: { recall } }),
          { status: 202 },
        )
      }),
    )
    await visit('/distributions/j1')
    expect(await screen.findByText('SUMMER-1, SUMMER-2')).toBeVisible()
    expect(screen.getByText('Coupons given')).toBeVisible()
    await click('Recall')
    const dialog = within(await screen.findByRole('dialog'))
    await userEvent.type(dialog.getByLabelText('Reason'), 'wrong pool')
    await userEvent.type(dialog.getByLabelText('Name of the book'), 'Summer')
    await userEvent.click(dialog.getByRole('button', { name: 'Take them back' }))
    expect(
      await screen.findByText(/3 coupons are back in the stock; left as they are/),
    ).toBeVisible()
    expect(asked).toEqual({ reason: 'wrong pool' })
  })

  it('outlives its pool, and finds its recall again after a reload', async () => {
    const distribution = plan({ dry_run: false, granted: 4 })
    const recall = { distribution_id: 'j1', recalled: 4, left: 0, reasons: {} }
    network.use(
      http.get('*/api/v1/pools/p1', () => problem(404, 'pool_not_found', 'There is no such pool.')),
      http.get('*/api/v1/jobs/:id', ({ params }) =>
        HttpResponse.json(
          params.id === 'j1'
            ? given({ done: true, status: 'succeeded', result: { distribution } })
            : given({ id: 'j3', kind: 'recall_distribution', done: true, result: { recall } }),
        ),
      ),
    )
    await visit('/distributions/j1?recall=j3')
    expect(await screen.findByText(/to a pool that is gone/)).toBeVisible()
    expect(await screen.findByText('4 coupons are back in the stock.')).toBeVisible()
  })

  it('that never began says so', async () => {
    network.use(
      http.get('*/api/v1/jobs/j1', () =>
        HttpResponse.json(given({ done: true, status: 'canceled', canceling: true })),
      ),
    )
    await visit('/distributions/j1')
    expect(await screen.findByText(/canceled before it began/)).toBeVisible()
  })
})
