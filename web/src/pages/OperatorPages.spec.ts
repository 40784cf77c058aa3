import { screen, waitFor, within } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it } from 'vitest'
import { job, network, page, problem } from '@/testing/network'
import { failed, operationHandlers, queues } from '@/testing/operations'
import { visit } from '@/testing/visit'

beforeEach(() => network.use(...operationHandlers))

describe('the dashboard', () => {
  it('is where staff comes in, and says what needs them, the worst first', async () => {
    const { router } = await visit('/')
    expect(router.currentRoute.value.name).toBe('dashboard')
    expect(await screen.findByText(/Upload of codes failed: The job broke/)).toBeVisible()
    const matters = within(screen.getByRole('region', { name: 'Needs attention' }))
    expect(matters.getAllByRole('link').map((link) => link.textContent)).toEqual([
      expect.stringContaining('Upload of codes failed'),
      expect.stringContaining('The webhook endpoint is disabled'),
      expect.stringContaining('Few codes are left: 3 of 100'),
    ])
    expect(screen.getByText('3 of 100 left')).toBeVisible()
    expect(screen.getByText('Nothing is under way.')).toBeVisible()
  })

  it('tells of activity in the span that is chosen, which is in the address', async () => {
    const asked: Date[] = []
    network.use(
      http.get('*/api/v1/activity', ({ request }) => {
        const { searchParams: query } = new URL(request.url)
        asked.push(new Date(query.get('from')!))
        return HttpResponse.json({ data: [] })
      }),
    )
    const { router } = await visit('/dashboard')
    expect(await screen.findByText('Nothing in this time.')).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: '24 hours' }))
    await waitFor(() => expect(router.currentRoute.value.query).toEqual({ range: 'day' }))
    const hour = new Date()
    hour.setHours(hour.getHours() - 23, 0, 0, 0)
    const midnight = new Date()
    midnight.setHours(0, 0, 0, 0)
    midnight.setDate(midnight.getDate() - 6) // with today, seven days
    await waitFor(() => expect(asked).toEqual([midnight, hour]))
  })

  it('says so when it cannot be read, and reads again', async () => {
    network.use(
      http.get('*/api/v1/stock', () => problem(503, 'unavailable', 'Not now.'), { once: true }),
    )
    await visit('/dashboard')
    expect(await screen.findByText('Not now.')).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByText('3 of 100 left')).toBeVisible()
  })
})

describe('jobs', () => {
  it('are bulk work unless a kind is chosen, and the choice is in the address', async () => {
    const asked: string[] = []
    network.use(
      http.get('*/api/v1/jobs', ({ request }) => {
        asked.push(new URL(request.url).search)
        return page(request.url.includes('kind=claim') ? [] : [failed])
      }),
    )
    const { router } = await visit('/jobs')
    expect(await screen.findByRole('cell', { name: 'Upload of codes' })).toBeVisible()
    expect(asked.at(-1)).toContain('bulk=true')
    await router.replace('/jobs?kind=claim')
    expect(await screen.findByText('No such job')).toBeVisible()
    expect(asked.at(-1)).toContain('bulk=false')
  })

  it('are tried again by an admin when they failed by our fault', async () => {
    let state = failed
    network.use(
      http.get('*/api/v1/jobs/j9', () => HttpResponse.json(state)),
      http.post('*/api/v1/jobs/j9/retry', () => {
        state = { ...failed, status: 'succeeded', error: null }
        return HttpResponse.json(state, { status: 202 })
      }),
    )
    await visit('/jobs/j9')
    expect(await screen.findByText('The job broke.')).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByText('It is tried again.')).toBeVisible()
    expect(await screen.findByText(/Done: 0 of 1/)).toBeVisible()
  })

  it('that wait can be told to end; a refusal is told', async () => {
    network.use(
      http.get('*/api/v1/jobs/j1', () => HttpResponse.json(job({ kind: 'generate_codes' }))),
      http.post('*/api/v1/jobs/j1/cancel', () => problem(409, 'job_done', 'The job has begun.')),
    )
    await visit('/jobs/j1')
    await userEvent.click(await screen.findByRole('button', { name: 'Cancel the job' }))
    expect(await screen.findByText('The job has begun.')).toBeVisible()
  })
})

describe('the queues', () => {
  it('show what waits, and since when', async () => {
    await visit('/queues')
    const row = within(await screen.findByRole('row', { name: /^Distributions/ }))
    expect(row.getByRole('cell', { name: '4 sec' })).toBeVisible()
    expect(row.getByRole('cell', { name: '2 pending, 1 active' })).toBeVisible()
  })

  it('say so when Redis is away', async () => {
    network.use(
      http.get('*/api/v1/queues', () =>
        HttpResponse.json({ data: queues.map((queue) => ({ ...queue, tasks: undefined })) }),
      ),
    )
    await visit('/queues')
    expect(await screen.findByText(/Redis does not answer/)).toBeVisible()
  })
})
