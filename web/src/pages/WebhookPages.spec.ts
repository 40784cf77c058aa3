import { screen, within } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  attempt,
  delivery,
  endpoint,
  job,
  network,
  page,
  problem,
  webhookHandlers,
} from '@/testing/network'
import { visit } from '@/testing/visit'

beforeEach(() => network.use(...webhookHandlers))

const click = async (name: string | RegExp) =>
  userEvent.click(await screen.findByRole('button', { name }))

describe('endpoints', () => {
  it('are listed', async () => {
    await visit('/webhooks')
    expect(
      await screen.findByRole('link', { name: /example\.com.*coupon\.\*.*Enabled/s }),
    ).toBeVisible()
  })

  it('begin with an empty list', async () => {
    network.use(http.get('*/api/v1/webhooks', () => page([])))
    await visit('/webhooks')
    expect(await screen.findByText('No endpoint yet')).toBeVisible()
  })

  it('show their secret once, when they are made; faults stand at their fields', async () => {
    const sent: unknown[] = []
    network.use(
      http.post('*/api/v1/webhooks', async ({ request }) => {
        sent.push(await request.json())
        return sent.length === 1
          ? problem(422, 'invalid_input', 'Wrong.', [
              { pointer: '/url', detail: 'is not a public address' },
            ])
          : HttpResponse.json(endpoint({ secret: 'whsec_abc' }), { status: 201 })
      }),
    )
    const { router } = await visit('/webhooks')
    await click('New endpoint')
    await userEvent.type(await screen.findByLabelText('URL'), 'https://example.com/hooks')
    await click('Make the endpoint')
    expect(await screen.findByText('is not a public address')).toBeVisible()
    await click('Make the endpoint')
    expect(await screen.findByText('whsec_abc')).toBeVisible()
    expect(sent[1]).toEqual({
      url: 'https://example.com/hooks',
      description: '',
      events: ['*'],
      book_ids: [],
      include_codes: false,
    })
    await click('I have it')
    await expect.poll(() => router.currentRoute.value.path).toBe('/webhooks/w1')
  })
})

describe('an endpoint', () => {
  it('says why it is disabled, and is enabled again in the version that was read', async () => {
    let match: string | null = null
    let enabled = false
    network.use(
      http.get('*/api/v1/webhooks/w1', () =>
        HttpResponse.json(
          enabled
            ? endpoint()
            : endpoint({
                status: 'disabled',
                disabled_reason: 'gone',
                disabled_at: '2026-11-02T10:00:00Z',
                failures: 7,
                failing_since: '2026-11-01T10:00:00Z',
              }),
        ),
      ),
      http.patch('*/api/v1/webhooks/w1', ({ request }) => {
        match = request.headers.get('If-Match')
        enabled = true
        return HttpResponse.json(endpoint())
      }),
    )
    await visit('/webhooks/w1')
    expect(await screen.findByText(/since it answered 410 Gone.*failed 7 times/)).toBeVisible()
    expect(screen.getByRole('button', { name: 'Replay' })).toBeDisabled()
    await click('Enable')
    expect(await screen.findByText('Enabled')).toBeVisible()
    expect(match).toBe('"1"')
  })

  it('is tested, and shows what came of it', async () => {
    let tries = 0
    network.use(
      http.post('*/api/v1/webhooks/w1/test', () =>
        ++tries === 1
          ? problem(429, 'too_many_tests', 'Wait a minute.')
          : HttpResponse.json({
              delivery: delivery({ status: 'failed' }),
              attempt: {
                ...attempt,
                status_code: null,
                error: 'timeout',
                detail: 'it took too long',
              },
            }),
      ),
    )
    await visit('/webhooks/w1')
    await click('Send a test')
    expect(await screen.findByText('Wait a minute.')).toBeVisible()
    await click('Send a test')
    const test = within(await screen.findByRole('region', { name: 'The test' }))
    expect(test.getByText('No answer')).toBeVisible()
    expect(test.getByText('it took too long')).toBeVisible()
  })

  it('gets a new secret, once its host was typed', async () => {
    network.use(
      http.post('*/api/v1/webhooks/w1/rotate-secret', () =>
        HttpResponse.json(endpoint({ secret: 'whsec_new' })),
      ),
    )
    await visit('/webhooks/w1')
    await click('Rotate secret')
    const dialog = within(await screen.findByRole('dialog'))
    expect(dialog.getByRole('button', { name: 'Make it' })).toBeDisabled()
    await userEvent.type(dialog.getByLabelText('Name of the host'), 'example.com')
    await userEvent.click(dialog.getByRole('button', { name: 'Make it' }))
    expect(await screen.findByText('whsec_new')).toBeVisible()
  })

  it('is sent a span of time again, as a job', async () => {
    let key: string | null = null
    network.use(
      http.post('*/api/v1/webhooks/w1/replay', ({ request }) => {
        key = request.headers.get('Idempotency-Key')
        return HttpResponse.json(job({ kind: 'replay_events' }), { status: 202 })
      }),
      http.get('*/api/v1/jobs/j1', () =>
        HttpResponse.json(
          job({
            kind: 'replay_events',
            status: 'succeeded',
            done: true,
            result: { replay: { endpoint_id: 'w1', deliveries: 12 } },
          }),
        ),
      ),
    )
    await visit('/webhooks/w1')
    await click('Replay')
    await click('Send them again')
    expect(await screen.findByText(/12 deliveries begun anew/)).toBeVisible()
    expect(key).toBeTruthy()
  })

  it('keeps the filter of its deliveries in the address', async () => {
    const asked: (string | null)[] = []
    network.use(
      http.get('*/api/v1/webhooks/w1/deliveries', ({ request }) => {
        asked.push(new URL(request.url).searchParams.get('status'))
        return page([])
      }),
    )
    await visit('/webhooks/w1?status=failed')
    expect(await screen.findByText('None of these')).toBeVisible()
    expect(asked).toEqual(['failed'])
  })
})

describe('a delivery', () => {
  it('shows every attempt, and is begun anew unless its endpoint is disabled', async () => {
    let tries = 0
    network.use(
      http.post('*/api/v1/deliveries/7/redeliver', () =>
        ++tries === 1
          ? problem(409, 'webhook_disabled', 'The endpoint is disabled: enable it first.')
          : HttpResponse.json(delivery({ status: 'pending' })),
      ),
    )
    await visit('/webhooks/w1')
    await userEvent.click(await screen.findByRole('link', { name: 'Look at evt_42' }))
    expect(await screen.findByRole('heading', { name: '1 attempt' })).toBeVisible()
    expect(screen.getByText(/"coupons"/)).toBeVisible()
    await click('Redeliver')
    expect(await screen.findByText('The endpoint is disabled: enable it first.')).toBeVisible()
    await click('Redeliver')
    expect(await screen.findByText('It is sent again.')).toBeVisible()
  })
})
