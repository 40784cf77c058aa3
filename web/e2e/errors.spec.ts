import type { Page } from '@playwright/test'
import { admin, finish, makeSale, post, signedIn } from './service'
import { signIn } from './signin'
import { away, button, expect, look, test } from './watch'

const api = '**/api/v1/**'

/** The service is away for a while. */
const goAway = (page: Page) => page.route(api, (route) => route.abort())
const comeBack = (page: Page) => page.unroute(api)

const unreachable = /The service cannot be reached/

test('a wrong password, and then the right one', async ({ page, allow }) => {
  allow(401)
  await page.goto('/sign-in')
  await page.getByLabel('E-mail').fill(admin.email)
  await page.getByLabel('Password').fill('not this one at all')
  await button(page, 'Sign in').click()
  await expect(page.locator('.v-alert')).toContainText('password')
  await look(page)
  await page.getByLabel('Password').fill(admin.password)
  await button(page, 'Sign in').click()
  await expect(page).toHaveURL(/dashboard/)
})

test('an account with an e-mail that is taken, and a password too short', async ({
  page,
  allow,
}) => {
  allow(409)
  allow(422)
  await page.goto('/register')
  await page.getByLabel('Name').fill('Somebody')
  await page.getByLabel('E-mail').fill(`somebody-${Date.now()}@example.com`)
  await page.getByLabel('Password').fill('short')
  await button(page, 'Create account').click()
  await expect(page.locator('.v-messages__message').filter({ hasText: '10' }).first()).toBeVisible()
  await look(page)
  await page.getByLabel('E-mail').fill(admin.email)
  await page.getByLabel('Password').fill('words that nobody puts together')
  await button(page, 'Create account').click()
  await expect(page.locator('.v-alert')).toContainText('already an account')
  await look(page)
})

for (const [room, path, heading] of [
  ['the dashboard', '/dashboard', 'Dashboard'],
  ['the books', '/books', 'Books'],
  ['the pools', '/pools', 'Pools'],
  ['the coupons', '/coupons', 'My coupons'],
  ['the jobs', '/jobs', 'Jobs'],
  ['the keys', '/api-keys', 'API keys'],
  ['the queues', '/queues', 'Queues'],
] as const)
  test(`${room} when the service is away, and when it is back`, async ({ page, allow }) => {
    allow(away)
    await signIn(page)
    await page.goto('/service')
    await page.route(/\/api\/v1\/(?!me$|auth)/, (route) => route.abort())
    await page.goto(path)
    await expect(page.getByRole('heading', { name: heading, level: 1 })).toBeVisible()
    await expect(page.getByText(unreachable).first()).toBeVisible()
    await look(page)
    await page.unrouteAll()
    await expect(async () => {
      const again = button(page, 'Try again').first()
      // It goes by itself when the page looks again: that is no reason to wait for it.
      if (await again.isVisible()) await again.click({ timeout: 1_000 })
      expect(await page.getByText(unreachable).count()).toBe(0)
    }).toPass()
  })

test('a session that ends in the middle leads to the door, and back', async ({
  page,
  baseURL,
  allow,
}) => {
  const sale = await makeSale(baseURL!, { name: `Ended ${Date.now()}`, codes: 3 })
  await signIn(page)
  await page.goto(`/books/${sale}`)
  await expect(button(page, 'Pause')).toBeVisible()
  allow(401)
  await page.context().clearCookies({ name: /couponbook_(session|refresh)$/ })
  await button(page, 'Pause').click()
  await expect(page.getByText('Your session has ended. Sign in to go on.')).toBeVisible()
  await look(page)
  await page.getByLabel('E-mail').fill(admin.email)
  await page.getByLabel('Password').fill(admin.password)
  await button(page, 'Sign in').click()
  await expect(page).toHaveURL(new RegExp(`/books/${sale}`))
  await button(page, 'Pause').click()
  await expect(page.getByText('It is paused; claims that were accepted wait.')).toBeVisible()
})

test('a book that somebody else has closed meanwhile', async ({ page, baseURL, allow }) => {
  const sale = await makeSale(baseURL!, { name: `Closed ${Date.now()}`, codes: 3 })
  await signIn(page)
  await page.goto(`/books/${sale}`)
  await expect(button(page, 'Pause')).toBeVisible()
  const other = await signedIn(baseURL!)
  await post(other, `books/${sale}/close`, undefined)
  allow(409)
  await button(page, 'Pause').click()
  await expect(page.getByText(/closed/).first()).toBeVisible()
  await look(page)
})

test('settings that somebody else has changed meanwhile', async ({ page, baseURL, allow }) => {
  const sale = await makeSale(baseURL!, { name: `Edited ${Date.now()}`, codes: 3 })
  await signIn(page)
  await page.goto(`/books/${sale}/edit`)
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue(/Edited/)
  const other = await signedIn(baseURL!)
  await other.patch(`/api/v1/books/${sale}`, { data: { description: 'Warm, and dry.' } })
  allow(412)
  await page.getByLabel('Description').fill('Warm.')
  await button(page, 'Save').click()
  await expect(page.locator('.v-alert')).toContainText('has changed')
  await look(page)
})

test('an upload that is cut off, and sent again', async ({ page, baseURL, allow }) => {
  const sale = await makeSale(baseURL!, { name: `Cut off ${Date.now()}`, codes: 3 })
  const own = Date.now().toString(36).toUpperCase()
  await signIn(page)
  await page.goto(`/books/${sale}/upload`)
  await page.getByLabel('CSV file').setInputFiles({
    name: 'codes.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(`code\nCUT-${own}-1\nCUT-${own}-2\n`),
  })
  allow(away)
  await goAway(page)
  await button(page, 'Add the codes').click()
  await expect(page.getByText(unreachable)).toBeVisible()
  await look(page)
  await comeBack(page)
  await button(page, 'Add the codes').click()
  await expect(page.getByText('2 codes added')).toBeVisible()
})

test('a plan that does not hold any more', async ({ page, baseURL, allow }) => {
  const name = `Stale ${Date.now()}`
  const sale = await makeSale(baseURL!, { name, codes: 4 })
  const other = await signedIn(baseURL!)
  const pool = await post<{ id: string }>(other, 'pools', { name })
  const members = [1, 2, 3].map((n) => ({ email: `stale-${Date.now()}-${n}@example.com` }))
  await post(other, `pools/${pool.id}/members`, { members, create_missing: true })
  const plan = await finish(other, `pools/${pool.id}/distributions`, {
    book_id: sale,
    mode: 'equal',
    per_user: 1,
    dry_run: true,
  })
  await signIn(page)
  await page.goto(`/pools/${pool.id}/distribute?plan=${plan}`)
  await button(page, 'Give out 3 coupons').click()
  await page.getByLabel('Name of the pool').fill(name)
  await post(other, `pools/${pool.id}/members`, { members: [{ email: admin.email }] })
  allow(409)
  await page.getByRole('dialog').getByRole('button', { name: 'Give them out' }).click()
  await expect(page.getByText('The plan does not fit any more')).toBeVisible()
  await look(page)
})

test('members who cannot be', async ({ page, baseURL, allow }) => {
  const other = await signedIn(baseURL!)
  const pool = await post<{ id: string }>(other, 'pools', { name: `Wrong ${Date.now()}` })
  await signIn(page)
  await page.goto(`/pools/${pool.id}`)
  await button(page, 'Add members').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('E-mails or external ids').fill('no@@mail')
  allow(422)
  await button(page, 'Add 1').click()
  await expect(dialog.locator('.v-alert')).toContainText('no@@mail: ')
  await look(page)
})

test('an account for somebody who has one', async ({ page, allow }) => {
  allow(409)
  await signIn(page)
  await page.goto('/users')
  await button(page, 'New user').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('E-mail', { exact: true }).fill(admin.email)
  await button(page, 'Create account').click()
  await expect(dialog.locator('.v-alert')).toContainText('already an account')
  await look(page)
})
