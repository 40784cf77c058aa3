import { screen, within } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it } from 'vitest'
import { job, max, member, network, page, pool, poolHandlers, problem } from '@/testing/network'
import { visit } from '@/testing/visit'

beforeEach(() => network.use(...poolHandlers))

const click = async (name: string | RegExp) =>
  userEvent.click(await screen.findByRole('button', { name }))
const fill = async (label: string | RegExp, text: string) =>
  userEvent.type(await screen.findByLabelText(label), text)

describe('pools', () => {
  it('are listed, and made', async () => {
    const made: unknown[] = []
    network.use(
      http.post('*/api/v1/pools', async ({ request }) => {
        made.push(await request.json())
        return made.length === 1
          ? problem(422, 'invalid_input', 'Wrong.', [{ pointer: '/name', detail: 'is too plain' }])
          : HttpResponse.json(pool({ name: 'VIPs' }), { status: 201 })
      }),
    )
    const { router } = await visit('/pools')
    expect(await screen.findByRole('link', { name: /Newsletter.*3 members/s })).toBeVisible()
    await click('New pool')
    await fill('Name', 'VIPs')
    await click('Make the pool')
    expect(await screen.findByText('is too plain')).toBeVisible()
    await click('Make the pool')
    await expect.poll(() => router.currentRoute.value.path).toBe('/pools/p1')
    expect(made[1]).toEqual({ name: 'VIPs', description: '' })
  })

  it('begin with an empty list', async () => {
    network.use(http.get('*/api/v1/pools', () => page([])))
    await visit('/pools')
    expect(await screen.findByText('No pool yet')).toBeVisible()
  })

  it('are for who manages books', async () => {
    network.use(http.get('*/api/v1/me', () => HttpResponse.json({ ...max, role: 'user' })))
    await visit('/pools')
    expect(await screen.findByText(/nothing here/i)).toBeVisible()
  })
})

describe('a pool', () => {
  it('finds its members by how they are called', async () => {
    const asked: (string | null)[] = []
    network.use(
      http.get('*/api/v1/pools/p1/members', ({ request }) => {
        const prefix = new URL(request.url).searchParams.get('prefix')
        asked.push(prefix)
        return page(prefix === 'zz' ? [] : [member])
      }),
    )
    const { router } = await visit('/pools/p1')
    expect(await screen.findByRole('cell', { name: 'ann@example.com' })).toBeVisible()
    await fill('E-mail or external id begins with', 'zz')
    expect(await screen.findByText('Nobody is called so')).toBeVisible()
    expect(router.currentRoute.value.query).toEqual({ prefix: 'zz' })
    expect(asked.at(-1)).toBe('zz')
  })

  it('takes members by e-mail or external id, and says who is not known', async () => {
    const sent: unknown[] = []
    network.use(
      http.post('*/api/v1/pools/p1/members', async ({ request }) => {
        sent.push(await request.json())
        const unknown = [{ index: 1, member: { external_id: 'crm-9' } }]
        return HttpResponse.json({ added: 1, same: 1, unknown })
      }),
    )
    await visit('/pools/p1')
    await click('Add members')
    await fill('E-mails or external ids', 'ann@example.com\ncrm-9\n, ann@example.com')
    await click('Add 3')
    expect(await screen.findByText(/1 added, 1 were members before, 1 not known/)).toBeVisible()
    expect(sent).toEqual([
      {
        members: [
          { email: 'ann@example.com' },
          { external_id: 'crm-9' },
          { email: 'ann@example.com' },
        ],
        create_missing: false,
      },
    ])
    expect(screen.getByLabelText('E-mails or external ids')).toHaveValue('crm-9')
  })

  it('lets a member go, or says why not', async () => {
    let tries = 0
    network.use(
      http.post('*/api/v1/pools/p1/members/remove', () =>
        ++tries === 1
          ? problem(503, 'busy', 'Not right now.')
          : HttpResponse.json({ removed: 1, same: 0, unknown: [] }),
      ),
    )
    await visit('/pools/p1')
    await click('Remove ann@example.com')
    expect(await screen.findByText('Not right now.')).toBeVisible()
    await click('Remove ann@example.com')
    expect(await screen.findByText('ann@example.com is out of the pool.')).toBeVisible()
  })

  it('is deleted by its name only, and not while a job is under way', async () => {
    let tries = 0
    network.use(
      http.delete('*/api/v1/pools/p1', () =>
        ++tries === 1
          ? problem(409, 'pool_in_use', 'A job of the pool is under way.')
          : new HttpResponse(null, { status: 204 }),
      ),
    )
    const { router } = await visit('/pools/p1')
    const erase = async () => {
      await click('Delete')
      const dialog = within(await screen.findByRole('dialog'))
      expect(dialog.getByRole('button', { name: 'Delete it' })).toBeDisabled()
      await userEvent.type(dialog.getByLabelText('Name of the pool'), 'Newsletter')
      await userEvent.click(dialog.getByRole('button', { name: 'Delete it' }))
    }
    await erase()
    expect(await screen.findByText('A job of the pool is under way.')).toBeVisible()
    await erase()
    await expect.poll(() => router.currentRoute.value.path).toBe('/pools')
  })

  it('is changed in the version that was read', async () => {
    let match: string | null = null
    network.use(
      http.patch('*/api/v1/pools/p1', ({ request }) => {
        match = request.headers.get('If-Match')
        return problem(412, 'pool_changed', 'The pool has changed since you read it.')
      }),
    )
    await visit('/pools/p1')
    await click('Settings')
    await click('Save')
    expect(await screen.findByText('The pool has changed since you read it.')).toBeVisible()
    expect(match).toBe('"1"')
  })

  it('lists what was given to it', async () => {
    const progress = { total: 3, processed: 2, succeeded: 2, failed: 0, skipped: 0 }
    network.use(
      http.get('*/api/v1/jobs', () =>
        page([job({ kind: 'distribution', status: 'paused', pool_id: 'p1', progress })]),
      ),
    )
    await visit('/pools/p1?tab=distributions')
    expect(await screen.findByText('Paused')).toBeVisible()
    expect(screen.getByText('2 of 3')).toBeVisible()
  })
})

describe('importing members', () => {
  it('sends the file with what its columns are, and tells what was refused', async () => {
    let asked = ''
    const members = { added: 1, same: 1, refused: 2, reasons: { bad_user: 2 } }
    const done = job({
      kind: 'import_members',
      status: 'partially_succeeded',
      done: true,
      book_id: null,
      result: { members },
    })
    network.use(
      http.post('*/api/v1/pools/p1/import', ({ request }) => {
        asked = new URL(request.url).search
        return HttpResponse.json(job({ kind: 'import_members' }), { status: 202 })
      }),
      http.get('*/api/v1/jobs/j1', () => HttpResponse.json(done)),
    )
    await visit('/pools/p1/import')
    const file = new File(['Name;E-Mail\nAnn;ann@example.com\n'], 'people.csv')
    await userEvent.upload(await screen.findByLabelText('CSV file'), file)
    expect(await screen.findByRole('cell', { name: 'ann@example.com' })).toBeVisible()
    await userEvent.click(screen.getByLabelText('Make accounts for who has none'))
    await click('Add the members')
    expect(await screen.findByText('2 rows with an unreadable user')).toBeVisible()
    expect(asked).toContain('columns=name%2Cuser')
    expect(asked).toContain('create_missing=true')
    expect(screen.getByRole('link', { name: /Report/ })).toHaveAttribute(
      'href',
      '/api/v1/jobs/j1/outcomes.csv',
    )
  })
})
