import { screen, waitFor } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it } from 'vitest'
import type { AuditEntry } from '@/api/audit'
import { max, network, page } from '@/testing/network'
import { visit } from '@/testing/visit'

const entry: AuditEntry = {
  id: 7,
  created_at: '2026-11-01T10:00:00Z',
  actor_id: max.id,
  actor_name: 'max@example.com',
  api_key_id: null,
  action: 'book.edit',
  target_id: '01a216c2-1442-755d-8381-90d92c40d4ea',
  before: { name: 'Summer', lock_for: '5m0s' },
  after: { name: 'Autumn', lock_for: '1m0s', ends_at: null },
  address: '192.0.2.1',
  request_id: 'r1',
}

describe('the audit log', () => {
  let asked: string[] = []

  beforeEach(() => {
    asked = []
    network.use(
      http.get('*/api/v1/me', () => HttpResponse.json({ ...max, role: 'admin' })),
      http.get('*/api/v1/audit', ({ request }) => {
        asked.push(new URL(request.url).search)
        return page(request.url.includes('action=user') ? [] : [entry])
      }),
    )
  })

  it('shows who changed what, from what to what', async () => {
    await visit('/audit')
    expect(await screen.findByText('book.edit')).toBeVisible()
    expect(screen.getByText('Summer')).toBeVisible()
    expect(screen.getByText(/Autumn/)).toBeVisible()
    expect(screen.getByText('192.0.2.1')).toBeVisible()
  })

  it('is narrowed to a person, in the address, and comes so as a file', async () => {
    const { router } = await visit('/audit')
    await userEvent.click(await screen.findByRole('button', { name: 'max@example.com' }))
    await waitFor(() => expect(router.currentRoute.value.query).toEqual({ actor: max.id }))
    await waitFor(() => expect(asked.at(-1)).toContain(`actor=${max.id}`))
    expect(screen.getByRole('link', { name: 'As CSV' })).toHaveAttribute(
      'href',
      `/api/v1/audit.csv?actor=${max.id}`,
    )
  })

  it('says so when there is nothing of a sort', async () => {
    await visit('/audit?action=user')
    expect(await screen.findByText('Nothing found')).toBeVisible()
  })

  it('is not there for managers', async () => {
    network.use(http.get('*/api/v1/me', () => HttpResponse.json(max)))
    const { router } = await visit('/audit')
    expect(router.currentRoute.value.name).toBe('lost')
  })
})
