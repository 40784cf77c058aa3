import { request } from '@playwright/test'
import { makeResetLink } from './service'
import { signIn } from './signin'
import { button, expect, look, test } from './watch'

test('a session goes on when its access token ends, and ends when it is signed out', async ({
  page,
  context,
  baseURL,
  allow,
}) => {
  await signIn(page)
  const old = await context.cookies()
  allow(401)
  await context.clearCookies({ name: /couponbook_session$/ })
  await page.goto('/pools')
  await expect(page.getByRole('heading', { name: 'Pools' })).toBeVisible()
  const renewed = await context.cookies()
  const named = (name: string, all = renewed) => all.find((cookie) => cookie.name.endsWith(name))
  expect(named('couponbook_session')).toMatchObject({ httpOnly: true, sameSite: 'Lax' })
  expect(named('couponbook_refresh')).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
  expect(named('couponbook_refresh')?.value).not.toBe(named('couponbook_refresh', old)?.value)

  await button(page, 'Account').click()
  await page.getByText('Sign out').click()
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  const copied = await request.newContext({
    baseURL: baseURL!,
    extraHTTPHeaders: { Cookie: renewed.map(({ name, value }) => `${name}=${value}`).join('; ') },
  })
  expect((await copied.get('/api/v1/me')).status()).toBe(401)
  await copied.dispose()
})

test('a link from an admin sets a new password, once', async ({ page, baseURL, allow }) => {
  const email = `forgetful-${Date.now()}@example.com`
  await page.goto(await makeResetLink(baseURL!, email))
  await expect(page.getByRole('heading', { name: 'A new password' })).toBeVisible()
  await expect(page).toHaveURL(/\/reset-password$/)
  allow(422)
  await page.getByLabel('New password').fill('password123')
  await button(page, 'Set password').click()
  await expect(page.getByText(/tried first/)).toBeVisible()
  await look(page)
  await page.getByLabel('New password').fill('words that nobody puts together')
  await button(page, 'Set password').click()
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill('words that nobody puts together')
  await button(page, 'Sign in').click()
  await expect(page.getByRole('heading', { name: 'Sales' })).toBeVisible()
})

test('the audit log tells who did what', async ({ page }) => {
  await signIn(page)
  const name = `Audited ${Date.now()}`
  await page.goto('/books/new')
  await page.getByLabel('Name').fill(name)
  await button(page, 'Make the book').click()
  await expect(page.getByRole('heading', { name })).toBeVisible()

  await button(page, 'Account').click()
  await page.getByText('Audit log').click()
  const row = page.getByRole('row').filter({ hasText: name })
  await expect(row).toContainText('book.create')
  await expect(row).toContainText('127.0.0.1')
  await look(page)
  await page.locator('.v-select').filter({ hasText: 'Kind of object' }).click()
  await page.getByRole('option', { name: 'Users', exact: true }).click()
  await expect(page).toHaveURL(/action=user/)
  await expect(row).toHaveCount(0)
  await expect(page.getByRole('row').filter({ hasText: 'user.sign_in' }).first()).toBeVisible()
  await look(page)
})
