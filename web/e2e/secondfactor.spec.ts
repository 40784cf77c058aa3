import type { Page } from '@playwright/test'
import { codeOf, makeResetLink } from './service'
import { button, expect, isAccessible, look, test } from './watch'

const password = 'words that nobody puts together'

async function enter(page: Page, email: string): Promise<void> {
  await page.goto('/sign-in')
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(password)
  await button(page, 'Sign in').click()
}

test('a second factor from being turned on until it is turned off', async ({
  page,
  context,
  baseURL,
  allow,
}) => {
  allow(401, 403)
  const email = `careful-${Date.now()}@example.com`
  await page.goto(await makeResetLink(baseURL!, email))
  await page.getByLabel('New password').fill(password)
  await button(page, 'Set password').click()
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await enter(page, email)
  await expect(page.getByRole('heading', { name: 'Sales' })).toBeVisible()

  await page.goto('/profile')
  await button(page, 'Turn it on').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Current password').fill('not that one')
  await dialog.getByRole('button', { name: 'Go on' }).click()
  await expect(dialog.getByText('password is wrong')).toBeVisible()
  await dialog.getByLabel('Current password').fill(password)
  await dialog.getByRole('button', { name: 'Go on' }).click()
  await expect(dialog.getByRole('img', { name: 'QR code' })).toBeVisible()
  const secret = (await dialog.getByLabel('Secret', { exact: true }).textContent())!.trim()
  await isAccessible(page)
  await dialog.getByLabel('Code that the app shows').fill('000000')
  await dialog.getByRole('button', { name: 'Turn it on' }).click()
  await expect(dialog.getByText('The code is wrong')).toBeVisible()
  await dialog.getByLabel('Code that the app shows').fill(codeOf(secret, -1))
  await dialog.getByRole('button', { name: 'Turn it on' }).click()
  await expect(page.getByRole('heading', { name: 'Your recovery codes' })).toBeVisible()
  const recovery = (await page.getByLabel('Secret', { exact: true }).textContent())!.split('\n')
  expect(recovery).toHaveLength(10)
  await isAccessible(page)
  await button(page, 'I have it').click()
  await expect(page.getByText('Asked for since')).toBeVisible()
  await look(page)

  for (const [wrong, right] of [
    ['000000', codeOf(secret, 0)],
    [recovery[0].replace(/./g, 'a'), recovery[0]],
  ] as const) {
    await context.clearCookies()
    await enter(page, email)
    await page.getByLabel('Code').fill(wrong)
    await isAccessible(page)
    await button(page, 'Sign in').click()
    await expect(page.getByText('The code is wrong')).toBeVisible()
    await page.getByLabel('Code').fill(right)
    await button(page, 'Sign in').click()
    await expect(page.getByRole('heading', { name: 'Sales' })).toBeVisible()
  }

  await page.goto('/profile')
  await button(page, 'Turn it off').click()
  await dialog.getByLabel('Current password').fill(password)
  await dialog.getByLabel('Code of the app').fill(recovery[1])
  await dialog.getByRole('button', { name: 'Turn it off' }).click()
  await expect(page.getByText('your password alone is not enough to sign in')).toBeVisible()
})
