import { screen } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { describe, expect, it } from 'vitest'
import { ada, network, page, problem, sale } from './testing/network'
import { closeSession, visit } from './testing/visit'

/** Answers log-ins and keeps what was sent. */
function answerLogin(answer: () => Response) {
  const sent: unknown[] = []
  network.use(
    http.post('*/api/v1/auth/login', async ({ request }) => {
      sent.push(await request.json())
      return answer()
    }),
  )
  return sent
}

const accept = () =>
  HttpResponse.json({ user: ada, access_token: 'not kept', expires_at: '', csrf_token: '' })

async function signIn() {
  await userEvent.type(await screen.findByLabelText('E-mail'), 'ada@example.com')
  await userEvent.type(screen.getByLabelText('Password'), 'correct horse')
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }))
}

describe('signing in', () => {
  it('leads back to the page that was asked for', async () => {
    closeSession()
    network.use(http.get('*/api/v1/sales/:id', () => HttpResponse.json(sale())))
    const sent = answerLogin(accept)
    const { router } = await visit('/sales/b1')
    expect(router.currentRoute.value.name).toBe('sign-in')
    await signIn()
    expect(await screen.findByRole('heading', { name: 'Summer' })).toBeVisible()
    expect(sent).toEqual([{ email: 'ada@example.com', password: 'correct horse', session: true }])
  })

  it('goes to no page of somebody else', async () => {
    closeSession()
    answerLogin(accept)
    await visit('/sign-in?next=//evil.example')
    await signIn()
    expect(await screen.findByText('No sale at the moment')).toBeVisible()
  })

  it('says why it was refused', async () => {
    closeSession()
    answerLogin(() => problem(401, 'wrong_credentials', 'E-mail or password is wrong.'))
    await visit('/sign-in')
    await signIn()
    expect(await screen.findByText('E-mail or password is wrong.')).toBeVisible()
  })

  it('asks for the code of a second factor when there is one', async () => {
    closeSession()
    const codes: unknown[] = []
    network.use(
      http.post('*/api/v1/auth/login', async ({ request }) => {
        const { code } = (await request.json()) as { code?: string }
        codes.push(code)
        if (code === '123456') return accept()
        return code
          ? problem(403, 'wrong_second_factor', 'The code is wrong.')
          : problem(401, 'second_factor_required', 'Send the code.')
      }),
    )
    await visit('/sign-in')
    await signIn()
    await userEvent.type(await screen.findByLabelText('Code'), '111111')
    expect(screen.queryByText('Send the code.')).toBeNull()
    await userEvent.click(screen.getByRole('button', { name: 'Sign in' }))
    expect(await screen.findByText('The code is wrong.')).toBeVisible()
    await userEvent.clear(screen.getByLabelText('Code'))
    await userEvent.type(screen.getByLabelText('Code'), '123456')
    await userEvent.click(screen.getByRole('button', { name: 'Sign in' }))
    expect(await screen.findByText('No sale at the moment')).toBeVisible()
    expect(codes).toEqual([undefined, '111111', '123456'])
  })

  it('is not asked for again, and asks nothing of the service without a session', async () => {
    const { router } = await visit('/sign-in')
    expect(router.currentRoute.value.name).toBe('sales')
  })
})

describe('registering', () => {
  it('shows faults beside their fields', async () => {
    closeSession()
    network.use(
      http.post('*/api/v1/auth/register', () =>
        problem(422, 'invalid_input', 'Some of the input is wrong; see errors.', [
          { pointer: '/email', detail: 'must be an e-mail address' },
          { pointer: '/password', detail: 'must have 10 to 200 characters' },
        ]),
      ),
    )
    await visit('/register')
    await userEvent.click(await screen.findByRole('button', { name: 'Create account' }))
    expect(await screen.findByText('must be an e-mail address')).toBeVisible()
    expect(screen.getByLabelText('E-mail')).toHaveAccessibleDescription('must be an e-mail address')
    expect(screen.queryByText(/Some of the input/)).toBeNull()
  })

  it('makes the account and signs in', async () => {
    closeSession()
    network.use(http.post('*/api/v1/auth/register', () => HttpResponse.json(ada, { status: 201 })))
    const sent = answerLogin(accept)
    await visit('/register')
    await userEvent.type(await screen.findByLabelText('E-mail'), 'ada@example.com')
    await userEvent.type(screen.getByLabelText('Password'), 'correct horse')
    await userEvent.click(screen.getByRole('button', { name: 'Create account' }))
    expect(await screen.findByText('No sale at the moment')).toBeVisible()
    expect(sent).toEqual([{ email: 'ada@example.com', password: 'correct horse', session: true }])
  })
})

describe('a session', () => {
  it('ends by the menu, proven by the CSRF cookie', async () => {
    let token: string | null = null
    network.use(
      http.post('*/api/v1/auth/logout', ({ request }) => {
        token = request.headers.get('X-CSRF-Token')
        return new HttpResponse(null, { status: 204 })
      }),
    )
    await visit('/sales')
    await userEvent.click(await screen.findByRole('button', { name: 'Account' }))
    await userEvent.click(await screen.findByText('Sign out'))
    expect(await screen.findByLabelText('Password')).toBeVisible()
    expect(token).toBe('double submit')
  })

  it('stays when signing out is refused, and says why', async () => {
    network.use(http.post('*/api/v1/auth/logout', () => problem(403, 'csrf', 'Reload the page.')))
    await visit('/sales')
    await userEvent.click(await screen.findByRole('button', { name: 'Account' }))
    await userEvent.click(await screen.findByText('Sign out'))
    expect(await screen.findByText('Reload the page.')).toBeVisible()
  })
})

it('leads to the door when the session has ended, and back from there', async () => {
  network.use(
    http.get('*/api/v1/sales', () => problem(401, 'unauthenticated', 'Sign in.'), { once: true }),
  )
  answerLogin(accept)
  const { router } = await visit('/sales')
  expect(await screen.findByText(/Your session has ended/)).toBeVisible()
  expect(await screen.findByLabelText('Password')).toBeVisible()
  expect(router.currentRoute.value.query).toEqual({ next: '/sales' })
  await signIn()
  expect(await screen.findByText('No sale at the moment')).toBeVisible()
})

describe('when the service is away', () => {
  it('says so, and goes on where it was once it is back', async () => {
    network.use(http.get('*/api/v1/me', () => HttpResponse.error(), { once: true }))
    network.use(http.get('*/api/v1/sales', () => page([sale()])))
    await visit('/sales')
    expect(await screen.findByText(/cannot be reached/)).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }))
    expect(await screen.findByText('Warm days')).toBeVisible()
  })
})

it('knows no other pages', async () => {
  await visit('/no/such/page')
  expect(await screen.findByText('There is nothing here')).toBeVisible()
})
