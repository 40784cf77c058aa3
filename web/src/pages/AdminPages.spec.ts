import { screen, waitFor, within } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it } from 'vitest'
import { ada, bookHandlers, network, page, problem } from '@/testing/network'
import { key, operationHandlers, root, use } from '@/testing/operations'
import { visit } from '@/testing/visit'

beforeEach(() => network.use(...operationHandlers))

/** Opens the menu of a row and chooses from it. */
async function choose(menu: string, action: string): Promise<void> {
  await userEvent.click(await screen.findByRole('button', { name: menu }))
  await userEvent.click(await screen.findByText(action))
}

describe('users', () => {
  it('are found by how they begin, in the address', async () => {
    const asked: string[] = []
    network.use(
      http.get('*/api/v1/users', ({ request }) => {
        asked.push(new URL(request.url).search)
        return page([root, ada])
      }),
    )
    const { router } = await visit('/users')
    await userEvent.type(await screen.findByLabelText('Find by e-mail or name'), 'ad')
    await waitFor(() => expect(router.currentRoute.value.query).toEqual({ prefix: 'ad' }))
    await waitFor(() => expect(asked.at(-1)).toContain('prefix=ad'))
    const mine = screen.getByRole('row', { name: /^Root/ })
    expect(within(mine).queryByRole('button')).toBeNull()
  })

  it('get an account, and a link to set a password when they have none', async () => {
    network.use(
      http.post('*/api/v1/users', () => HttpResponse.json(ada, { status: 201 })),
      http.post('*/api/v1/users/:id/password-reset', () =>
        HttpResponse.json({
          user_id: ada.id,
          path: '/reset-password#once',
          expires_at: '2026-11-02T10:00:00Z',
        }),
      ),
    )
    await visit('/users')
    await userEvent.click(await screen.findByRole('button', { name: 'New user' }))
    await userEvent.type(await screen.findByLabelText('E-mail'), 'ada@example.com')
    await userEvent.click(screen.getByRole('button', { name: 'Create account' }))
    expect(await screen.findByText(/reset-password#once$/)).toBeVisible()
  })

  it('show faults beside their fields', async () => {
    network.use(
      http.post('*/api/v1/users', () =>
        problem(422, 'invalid_input', 'Some of the input is wrong; see errors.', [
          { pointer: '/password', detail: 'must have 10 to 200 characters' },
        ]),
      ),
    )
    await visit('/users')
    await userEvent.click(await screen.findByRole('button', { name: 'New user' }))
    await userEvent.type(await screen.findByLabelText('E-mail'), 'ada@example.com')
    await userEvent.type(screen.getByLabelText('Password'), 'short')
    await userEvent.click(screen.getByRole('button', { name: 'Create account' }))
    expect(await screen.findByText('must have 10 to 200 characters')).toBeVisible()
    expect(screen.queryByText(/Some of the input/)).toBeNull()
  })

  it('are disabled after a question; a refusal is told', async () => {
    const sent: unknown[] = []
    network.use(
      http.patch('*/api/v1/users/:id', async ({ request }) => {
        sent.push(await request.json())
        return problem(409, 'last_admin', 'The last admin stays.')
      }),
    )
    await visit('/users')
    await choose('What can be done to Ada', 'Disable')
    const dialog = within(await screen.findByRole('dialog'))
    await userEvent.click(dialog.getByRole('button', { name: 'Disable' }))
    expect(await screen.findByText('The last admin stays.')).toBeVisible()
    expect(sent).toEqual([{ disabled: true }])
  })

  it('are erased only when their name was typed', async () => {
    let erased = 0
    network.use(
      http.delete('*/api/v1/users/:id', () => {
        erased++
        return new HttpResponse(null, { status: 204 })
      }),
    )
    await visit('/users')
    await choose('What can be done to Ada', 'Erase')
    const dialog = within(await screen.findByRole('dialog'))
    expect(dialog.getByRole('button', { name: 'Erase' })).toBeDisabled()
    await userEvent.type(dialog.getByLabelText('Name of the account'), 'Ada')
    await userEvent.click(dialog.getByRole('button', { name: 'Erase' }))
    expect(await screen.findByText('The account is erased.')).toBeVisible()
    expect(erased).toBe(1)
  })
})

describe('API keys', () => {
  it('are made with scopes, and shown once', async () => {
    const sent: unknown[] = []
    network.use(
      http.post('*/api/v1/api-keys', async ({ request }) => {
        sent.push(await request.json())
        return HttpResponse.json({ ...key, key: 'cbk_ab12_secret' }, { status: 201 })
      }),
    )
    await visit('/api-keys')
    await userEvent.click(await screen.findByRole('button', { name: 'New key' }))
    await userEvent.type(await screen.findByLabelText('Name'), 'Till')
    await userEvent.click(screen.getByLabelText('coupons:redeem'))
    await userEvent.click(screen.getByRole('button', { name: 'Make the key' }))
    expect(await screen.findByText('cbk_ab12_secret')).toBeVisible()
    expect(sent).toEqual([{ name: 'Till', scopes: ['coupons:redeem'], networks: [] }])
  })

  it('get a new secret after a question', async () => {
    network.use(
      http.post('*/api/v1/api-keys/k1/rotate', () =>
        HttpResponse.json({ ...key, key: 'cbk_cd34_secret' }),
      ),
    )
    await visit('/api-keys')
    await choose('What can be done to Till', 'New secret')
    const dialog = within(await screen.findByRole('dialog'))
    await userEvent.click(dialog.getByRole('button', { name: 'New secret' }))
    expect(await screen.findByText('cbk_cd34_secret')).toBeVisible()
  })
})

describe('the profile', () => {
  it('changes the password, and says what is wrong with one', async () => {
    const sent: unknown[] = []
    network.use(
      http.post('*/api/v1/me/password', async ({ request }) => {
        sent.push(await request.json())
        if (sent.length > 1) return new HttpResponse(null, { status: 204 })
        return problem(422, 'invalid_input', 'Some of the input is wrong; see errors.', [
          { pointer: '/new_password', detail: 'is one of the common ones' },
        ])
      }),
    )
    await visit('/profile')
    await userEvent.type(await screen.findByLabelText('Current password'), 'the old one')
    await userEvent.type(screen.getByLabelText('New password'), 'password1234')
    await userEvent.click(screen.getByRole('button', { name: 'Change it' }))
    expect(await screen.findByText('is one of the common ones')).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: 'Change it' }))
    expect(await screen.findByText(/The password is changed/)).toBeVisible()
    expect(sent[1]).toEqual({ password: 'the old one', new_password: 'password1234' })
  })

  it('shows where one is signed in, and signs out elsewhere', async () => {
    const ended: string[] = []
    network.use(
      http.delete('*/api/v1/me/sessions/:id', ({ params }) => {
        ended.push(String(params.id))
        return new HttpResponse(null, { status: 204 })
      }),
    )
    await visit('/profile')
    expect(await screen.findByText('Chrome · Linux')).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: 'Sign out An unknown device' }))
    expect(await screen.findByText('It is signed out.')).toBeVisible()
    expect(ended).toEqual(['s2'])
  })
})

describe('the second factor', () => {
  const since = '2026-11-02T10:00:00Z'
  const dialog = async () => within(await screen.findByRole('dialog'))

  it('is turned on with a code of the app, after a wrong one, and shows the recovery codes', async () => {
    const sent: unknown[] = []
    network.use(
      http.post('*/api/v1/me/second-factor', () =>
        HttpResponse.json({ secret: 'ABC234', url: 'otpauth://totp/x' }, { status: 201 }),
      ),
      http.post('*/api/v1/me/second-factor/confirm', async ({ request }) => {
        sent.push(await request.json())
        return sent.length > 1
          ? HttpResponse.json({ recovery_codes: ['aaaa-bbbb', 'cccc-dddd'] })
          : problem(403, 'wrong_second_factor', 'The code is wrong.')
      }),
    )
    await visit('/profile')
    await userEvent.click(await screen.findByRole('button', { name: 'Turn it on' }))
    await userEvent.type((await dialog()).getByLabelText('Current password'), 'mine')
    await userEvent.click((await dialog()).getByRole('button', { name: 'Go on' }))
    expect(await screen.findByText('ABC234')).toBeVisible()
    await userEvent.type(screen.getByLabelText('Code that the app shows'), '111111')
    await userEvent.click((await dialog()).getByRole('button', { name: 'Turn it on' }))
    expect(await screen.findByText('The code is wrong.')).toBeVisible()
    await userEvent.click((await dialog()).getByRole('button', { name: 'Turn it on' }))
    expect(await screen.findByText(/aaaa-bbbb\s+cccc-dddd/)).toBeVisible()
    network.use(
      http.get('*/api/v1/me', () => HttpResponse.json({ ...root, second_factor_since: since })),
    )
    await userEvent.click(screen.getByRole('button', { name: 'I have it' }))
    expect(await screen.findByRole('button', { name: 'Turn it off' })).toBeVisible()
  })

  it('is turned off with password and code', async () => {
    const sent: unknown[] = []
    network.use(
      http.get('*/api/v1/me', () => HttpResponse.json({ ...root, second_factor_since: since })),
      http.post('*/api/v1/me/second-factor/remove', async ({ request }) => {
        sent.push(await request.json())
        return sent.length > 1
          ? new HttpResponse(null, { status: 204 })
          : problem(403, 'wrong_password', 'The present password is wrong.')
      }),
    )
    await visit('/profile')
    await userEvent.click(await screen.findByRole('button', { name: 'Turn it off' }))
    await userEvent.type((await dialog()).getByLabelText('Current password'), 'mine')
    await userEvent.type((await dialog()).getByLabelText(/recovery code/), '111111')
    await userEvent.click((await dialog()).getByRole('button', { name: 'Turn it off' }))
    expect(await screen.findByText('The present password is wrong.')).toBeVisible()
    await userEvent.click((await dialog()).getByRole('button', { name: 'Turn it off' }))
    expect(await screen.findByText('The second factor is off.')).toBeVisible()
    expect(sent[1]).toEqual({ password: 'mine', code: '111111' })
  })

  it('is removed by an admin, after a question', async () => {
    const removed: string[] = []
    network.use(
      http.get('*/api/v1/users', () => page([root, { ...ada, second_factor_since: since }])),
      http.delete('*/api/v1/users/:id/second-factor', ({ params }) => {
        removed.push(String(params.id))
        return new HttpResponse(null, { status: 204 })
      }),
    )
    await visit('/users')
    await choose('What can be done to Ada', 'Remove the second factor')
    await userEvent.click(
      (await dialog()).getByRole('button', { name: 'Remove the second factor' }),
    )
    expect(await screen.findByText('The second factor is removed.')).toBeVisible()
    expect(removed).toEqual([ada.id])
  })
})

describe("a book's redemptions", () => {
  it('are rolled back with a reason', async () => {
    const sent: unknown[] = []
    network.use(
      ...bookHandlers,
      http.get('*/api/v1/books/b1/redemptions', () => page([use])),
      http.post('*/api/v1/redemptions/r1/rollback', async ({ request }) => {
        sent.push(await request.json())
        return HttpResponse.json({})
      }),
    )
    await visit('/books/b1?tab=redemptions')
    await userEvent.click(await screen.findByRole('button', { name: 'Roll back SUMMER-1234' }))
    const dialog = within(await screen.findByRole('dialog'))
    await userEvent.type(dialog.getByLabelText('Reason'), 'sent back')
    await userEvent.click(dialog.getByRole('button', { name: 'Roll back' }))
    expect(await screen.findByText('The use is rolled back.')).toBeVisible()
    expect(sent).toEqual([{ reason: 'sent back' }])
  })
})
