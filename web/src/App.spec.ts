import { render, screen, within } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { describe, expect, it } from 'vitest'
import App from './App.vue'
import { network, problem, ready } from './testing/network'

function serviceCard() {
  return within(screen.getByRole('region', { name: 'Service' }))
}

function answerReadyz(status: number, body: object) {
  network.use(http.get('/readyz', () => HttpResponse.json(body, { status })))
}

describe('the state of the service', () => {
  it('says so while it is not known yet', () => {
    render(App)
    expect(serviceCard().getByRole('status')).toHaveTextContent('Checking the service…')
  })

  it('is ready when every check is fine', async () => {
    render(App)
    expect(await serviceCard().findByText('Ready')).toBeVisible()
    expect(serviceCard().getAllByRole('definition')).toHaveLength(3)
  })

  it('is degraded when Redis is away', async () => {
    answerReadyz(200, { status: 'degraded', checks: { ...ready.checks, redis: 'timeout' } })
    render(App)
    expect(await serviceCard().findByText(/^Degraded/)).toBeVisible()
    expect(serviceCard().getByText('timeout')).toBeVisible()
  })

  it('is unavailable, with the reason, when the answer is a 503', async () => {
    answerReadyz(503, { status: 'unavailable', checks: { ...ready.checks, postgres: 'refused' } })
    render(App)
    expect(await serviceCard().findByText('Unavailable')).toBeVisible()
    expect(serviceCard().getByText('refused')).toBeVisible()
  })

  it('can be asked for again when there was no answer', async () => {
    network.use(http.get('/readyz', () => HttpResponse.error(), { once: true }))
    render(App)
    expect(await serviceCard().findByText(/cannot be reached/)).toBeVisible()

    await userEvent.click(serviceCard().getByRole('button', { name: 'Try again' }))
    expect(await serviceCard().findByText('Ready')).toBeVisible()
    expect(serviceCard().queryByText(/cannot be reached/)).not.toBeInTheDocument()
  })

  it('is not known when something else answers', async () => {
    answerReadyz(502, { html: 'Bad gateway' })
    render(App)
    expect(await serviceCard().findByText(/unexpected answer \(status 502\)/)).toBeVisible()
  })
})

describe('the page', () => {
  it('links to the reference, the document and the queues', () => {
    render(App)
    const links = screen.getAllByRole('link').map((link) => link.getAttribute('href'))
    expect(links).toEqual(['/docs', '/openapi.json', '/monitoring/'])
  })

  it('offers to ask again when the session cannot be looked up', async () => {
    network.use(
      http.get('/api/v1/me', () => problem(503, 'unavailable', 'Come back in a minute.'), {
        once: true,
      }),
    )
    render(App)
    expect(await screen.findByRole('alert')).toHaveTextContent('Come back in a minute.')

    await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByLabelText('E-mail')).toBeVisible()
  })
})
