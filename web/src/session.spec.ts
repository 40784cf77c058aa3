import { render, screen } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { afterEach, describe, expect, it } from 'vitest'
import App from './App.vue'
import { ada, network, problem } from './testing/network'

/** Answers log-ins and keeps what was sent. */
function answerLogin(answer: () => Response) {
  const sent: unknown[] = []
  network.use(
    http.post('/api/v1/auth/login', async ({ request }) => {
      sent.push(await request.json())
      return answer()
    }),
  )
  return sent
}

function accept() {
  const rest = { access_token: 'not kept', expires_at: '2030-01-01T00:00:00Z', csrf_token: 'c' }
  return HttpResponse.json({ user: ada, ...rest })
}

async function fillIn(presses = 1) {
  render(App)
  await userEvent.type(await screen.findByLabelText('E-mail'), 'ada@example.com')
  await userEvent.type(screen.getByLabelText('Password'), 'correct horse')
  const button = screen.getByRole('button', { name: 'Sign in' })
  for (let press = 0; press < presses; press++) button.click()
}

describe('signing in', () => {
  it('starts a session and shows name and role', async () => {
    const sent = answerLogin(accept)
    await fillIn()
    expect(await screen.findByText('Ada Lovelace')).toBeVisible()
    expect(screen.getByText('manager')).toBeVisible()
    expect(screen.getByRole('heading', { name: 'Account' })).toHaveFocus()
    expect(sent).toEqual([{ email: 'ada@example.com', password: 'correct horse', session: true }])
  })

  it('asks once, however often the button is pressed', async () => {
    const sent = answerLogin(accept)
    await fillIn(3)
    expect(await screen.findByText('Ada Lovelace')).toBeVisible()
    expect(sent).toHaveLength(1)
  })

  it('shows why a wrong password was refused, and goes back to it', async () => {
    answerLogin(() => problem(401, 'bad_credentials', 'E-mail or password is wrong.'))
    await fillIn()
    expect(await screen.findByText('E-mail or password is wrong.')).toBeVisible()
    expect(screen.getByLabelText('Password')).toHaveFocus()
    expect(screen.getByLabelText('Password')).toHaveAccessibleDescription(/is wrong/)
  })
})

describe('signing out', () => {
  const cookie = 'couponbook_csrf=double%20submit'

  afterEach(() => {
    document.cookie = `${cookie}; max-age=0`
  })

  function signedIn() {
    document.cookie = cookie
    network.use(http.get('/api/v1/me', () => HttpResponse.json(ada)))
    render(App)
    return screen.findByRole('button', { name: 'Sign out' })
  }

  it('proves with the CSRF cookie that our page asked, and shows the form again', async () => {
    let token: string | null = null
    network.use(
      http.post('/api/v1/auth/logout', ({ request }) => {
        token = request.headers.get('X-CSRF-Token')
        return new HttpResponse(null, { status: 204 })
      }),
    )
    await userEvent.click(await signedIn())
    expect(await screen.findByLabelText('E-mail')).toBeVisible()
    expect(screen.getByRole('heading', { name: 'Sign in' })).toHaveFocus()
    expect(token).toBe('double submit')
  })

  it('stays signed in and says why when the service refuses', async () => {
    network.use(http.post('/api/v1/auth/logout', () => problem(403, 'csrf', 'Reload the page.')))
    await userEvent.click(await signedIn())
    expect(await screen.findByText('Reload the page.')).toBeVisible()
    expect(screen.getByText('Ada Lovelace')).toBeVisible()
  })
})
