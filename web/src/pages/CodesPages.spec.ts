import { screen } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { http, HttpResponse } from 'msw'
import { beforeEach, describe, expect, it } from 'vitest'
import { book, bookHandlers, job, network, problem } from '@/testing/network'
import { visit } from '@/testing/visit'

const preview = {
  examples: ['A-1', 'A-2', 'A-3', 'A-4', 'A-5'],
  random_characters: 12,
  bits: 60,
  keyspace: 1.15e18,
  guess_odds: 8.7e-16,
  needed_characters: 8,
  problem: null,
}

beforeEach(() =>
  network.use(
    ...bookHandlers,
    http.post('*/api/v1/codes/preview', () => HttpResponse.json(preview)),
  ),
)

const click = async (name: string | RegExp) =>
  userEvent.click(await screen.findByRole('button', { name }))

describe('making codes', () => {
  it('shows what they look like and how hard they are to guess', async () => {
    await visit('/books/b1/generate')
    expect(await screen.findByText('A-3')).toBeVisible()
    expect(screen.getByText('1.1 quintillion')).toBeVisible()
    expect(screen.getByText(/once in 1.1 quadrillion tries/)).toBeVisible()
  })

  it('is not offered while the pattern will not do', async () => {
    const weak = { ...preview, problem: 'needs at least 8 random characters' }
    network.use(http.post('*/api/v1/codes/preview', () => HttpResponse.json(weak)))
    await visit('/books/b1/generate')
    expect(await screen.findByText('needs at least 8 random characters')).toBeVisible()
    expect(screen.getByRole('button', { name: /^Make/ })).toBeDisabled()
  })

  it('tells a fault of the pattern at its field', async () => {
    const errors = [{ pointer: '/pattern', detail: 'has a } without a {' }]
    network.use(
      http.post('*/api/v1/codes/preview', () => problem(422, 'invalid_input', 'Wrong.', errors)),
    )
    await visit('/books/b1/generate')
    expect(await screen.findByText('has a } without a {')).toBeVisible()
  })

  it('says why the service refused, and why the job failed', async () => {
    const failed = { code: 'codes_exhausted', detail: 'Nearly all codes exist.' }
    let asked = 0
    network.use(
      http.post('*/api/v1/books/b1/codes/generate', () =>
        ++asked === 1
          ? problem(409, 'book_state', 'The book is closed.')
          : HttpResponse.json(job(), { status: 202 }),
      ),
      http.get('*/api/v1/jobs/j1', () =>
        HttpResponse.json(job({ done: true, status: 'failed', error: failed })),
      ),
    )
    await visit('/books/b1/generate')
    await screen.findByText('A-3')
    await click(/^Make/)
    expect(await screen.findByText('The book is closed.')).toBeVisible()
    await click(/^Make/)
    expect(await screen.findByText('Nearly all codes exist.')).toBeVisible()
  })
})

describe('uploading codes', () => {
  const file = new File(['Code,Shop\nA-1,Sol\n'], 'a.csv', { type: 'text/csv' })

  async function choose(chosen = file): Promise<void> {
    await userEvent.upload(await screen.findByLabelText('CSV file'), chosen)
  }

  it('sends the file with what its columns are', async () => {
    const sent: string[] = []
    network.use(
      http.post('*/api/v1/books/b1/codes/upload', ({ request }) => {
        sent.push(new URL(request.url).search)
        return HttpResponse.json(job({ kind: 'import_codes' }), { status: 202 })
      }),
      http.get('*/api/v1/jobs/j1', () =>
        HttpResponse.json(
          job({
            done: true,
            status: 'partially_succeeded',
            progress: { total: 2, processed: 2, succeeded: 1, failed: 1, skipped: 0 },
            result: { import: { dry_run: false, added: 1, refused: 1, reasons: { too_long: 1 } } },
          }),
        ),
      ),
    )
    const { router } = await visit('/books/b1/upload')
    await choose()
    expect(await screen.findByRole('cell', { name: 'A-1' })).toBeVisible()
    await click('Add the codes')
    expect(await screen.findByText('1 row too long')).toBeVisible()
    expect(sent).toEqual([
      '?columns=code%2C-&header=yes&delimiter=comma&on_duplicate=skip&file_name=a.csv&dry_run=false',
    ])
    expect(router.currentRoute.value.query).toEqual({ job: 'j1' })
    expect(screen.getByRole('link', { name: 'Report of the refused rows' })).toBeVisible()
  })

  it('says why the file was refused', async () => {
    network.use(
      http.post('*/api/v1/books/b1/codes/upload', () =>
        problem(422, 'bad_file', 'It is a picture.'),
      ),
    )
    await visit('/books/b1/upload')
    await choose()
    await click('Try without adding')
    expect(await screen.findByText('It is a picture.')).toBeVisible()
  })

  it('says that an empty file is empty', async () => {
    await visit('/books/b1/upload')
    await choose(new File([''], 'empty.csv', { type: 'text/csv' }))
    expect(await screen.findByText('The file is empty.')).toBeVisible()
  })
})

describe('the settings of a book', () => {
  it('sends what was changed, with the version that was read', async () => {
    const sent: unknown[] = []
    network.use(
      http.patch('*/api/v1/books/b1', async ({ request }) => {
        sent.push(request.headers.get('If-Match'), await request.json())
        return HttpResponse.json(book({ name: 'Autumn', version: 2 }))
      }),
    )
    const { router } = await visit('/books/b1/edit')
    const name = await screen.findByLabelText('Name')
    await expect.poll(() => (name as HTMLInputElement).value).toBe('Summer')
    await userEvent.clear(name)
    await userEvent.type(name, 'Autumn')
    await click('Save')
    await expect.poll(() => router.currentRoute.value.name).toBe('book')
    expect(sent).toEqual(['"1"', { name: 'Autumn' }])
  })

  it('says that somebody else has changed it, and what is wrong with a field', async () => {
    const errors = [{ pointer: '/name', detail: 'must have 1 to 200 characters' }]
    let asked = 0
    network.use(
      http.post('*/api/v1/books', () =>
        ++asked === 1
          ? problem(422, 'invalid_input', 'Some of the input is wrong.', errors)
          : problem(412, 'book_changed', 'The book has changed since you read it.'),
      ),
    )
    await visit('/books/new')
    await click('Make the book')
    expect(await screen.findByText('must have 1 to 200 characters')).toBeVisible()
    expect(screen.queryByText('Some of the input is wrong.')).toBeNull()
    await click('Make the book')
    expect(await screen.findByText(/has changed since you read it/)).toBeVisible()
  })
})
