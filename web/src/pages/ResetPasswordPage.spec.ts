import { screen, waitFor } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { expect, it } from 'vitest'
import { network, problem } from '@/testing/network'
import { visit } from '@/testing/visit'

it('sets a new password by a link, and leads to the door', async () => {
  const sent: unknown[] = []
  network.use(
    http.post('*/api/v1/auth/password-reset', async ({ request }) => {
      sent.push(await request.json())
      return sent.length === 1
        ? problem(422, 'invalid_input', 'Wrong.', [
            { pointer: '/password', detail: 'is too common' },
          ])
        : new HttpResponse(null, { status: 204 })
    }),
  )
  location.hash = '#cbp_token'
  const { router } = await visit('/reset-password')
  expect(location.hash).toBe('')
  await userEvent.type(await screen.findByLabelText('New password'), 'a good one{enter}')
  expect(await screen.findByText('is too common')).toBeVisible()
  await userEvent.click(screen.getByRole('button', { name: 'Set password' }))
  expect(await screen.findByText(/The new password is set/)).toBeVisible()
  expect(sent[1]).toEqual({ token: 'cbp_token', password: 'a good one' })
  await waitFor(() => expect(router.currentRoute.value.name).toBe('sign-in'))
})

it('says when the link does not work any more', async () => {
  network.use(
    http.post('*/api/v1/auth/password-reset', () =>
      problem(410, 'reset_link_used', 'The link was used.'),
    ),
  )
  await visit('/reset-password')
  await userEvent.type(await screen.findByLabelText('New password'), 'a good one{enter}')
  expect(await screen.findByText('The link was used.')).toBeVisible()
})
