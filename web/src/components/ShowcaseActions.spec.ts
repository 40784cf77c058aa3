import { render, screen } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError } from '@/api/client'
import { i18n } from '@/i18n'
import { vuetify } from '@/vuetify'
import ShowcaseActions from './ShowcaseActions.vue'

const actions = [
  {
    title: 'Lock it',
    run: () => Promise.reject(new ApiError(409, { title: 'Redeemed', code: 'already_redeemed' })),
  },
  { title: 'Pause it', run: () => Promise.resolve() },
]

const page = vi.hoisted(() => ({ showcase: false }))
vi.mock('@/showcase', async (original) => ({
  ...(await original<object>()),
  get showcase() {
    return page.showcase
  },
}))

const show = () =>
  render(ShowcaseActions, { props: { actions }, global: { plugins: [i18n, vuetify] } })

describe('what the rules refuse', () => {
  it('is not offered where the service is in earnest', () => {
    show()
    expect(screen.queryByRole('button')).toBeNull()
  })

  describe('in a showcase', () => {
    beforeEach(() => void (page.showcase = true))

    it('is offered, and the answer shown', async () => {
      show()
      await userEvent.click(screen.getByRole('button', { name: 'Lock it' }))
      expect(await screen.findByRole('status')).toHaveTextContent('already_redeemed')
    })

    it('says so when it is allowed meanwhile', async () => {
      show()
      await userEvent.click(screen.getByRole('button', { name: 'Pause it' }))
      expect(await screen.findByRole('status')).toHaveTextContent('It was allowed')
    })
  })
})
