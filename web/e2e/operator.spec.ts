import type { Page } from '@playwright/test'
import { claim, makeSale } from './service'
import { signIn } from './signin'
import { button, expect, isAccessible, look, test } from './watch'

/** Goes to a room behind the menu. */
async function enter(page: Page, room: string) {
  await button(page, 'Account').click()
  await page
    .getByRole('listitem')
    .or(page.getByRole('link'))
    .getByText(room, { exact: true })
    .click()
  await expect(page.getByRole('heading', { name: room, level: 1 })).toBeVisible()
}

test('the dashboard shows what happens, and what needs somebody', async ({ page, baseURL }) => {
  const sale = await makeSale(baseURL!, { name: `Scarce ${Date.now()}`, codes: 1 })
  await claim(baseURL!, sale)
  await signIn(page)
  await page.goto('/')
  await expect(page).toHaveURL(/dashboard/)
  await expect(page.getByRole('img', { name: /coupons given out/ })).toBeVisible()
  await expect(page.getByText('None of its codes is left: 1 are given out').first()).toBeVisible()
  await look(page)
  await button(page, '24 hours').click()
  await expect(page).toHaveURL(/range=day/)
  await page.getByRole('link', { name: 'All jobs' }).click()
  await expect(page.getByRole('heading', { name: 'Jobs' })).toBeVisible()
  await expect(page.getByRole('row').nth(1)).toBeVisible()
  await look(page)
  await page
    .getByRole('link', { name: /^Look at Making of codes/ })
    .first()
    .click()
  await expect(page.getByRole('heading', { name: 'Making of codes' })).toBeVisible()
  await look(page)
})

test('what happened in a book, and a use that is given back', async ({ page, baseURL }) => {
  const sale = await makeSale(baseURL!, { name: `Used ${Date.now()}`, codes: 3 })
  await claim(baseURL!, sale)
  await signIn(page)
  await page.goto(`/books/${sale}?tab=activity`)
  await expect(page.getByRole('img', { name: /1 coupons given out/ })).toBeVisible({
    timeout: 60_000, // it is counted every two seconds, and read every fifteen
  })
  await look(page)
  await page.getByRole('tab', { name: 'Redemptions' }).click()
  await expect(page.getByText('No redemptions here')).toBeVisible()
  await look(page)
})

test('an account from its making to its end', async ({ page }) => {
  const email = `new-${Date.now()}@example.com`
  await signIn(page)
  await enter(page, 'Users')
  await look(page)
  await button(page, 'New user').click()
  await page.getByLabel('E-mail', { exact: true }).fill(email)
  await isAccessible(page)
  await button(page, 'Create account').click()
  await expect(page.getByLabel('Secret', { exact: true })).toContainText('/reset-password#')
  await isAccessible(page)
  await button(page, 'I have it').click()
  await page.getByLabel('Find by e-mail or name').fill(email)
  await expect(page).toHaveURL(/prefix=/)
  const row = page.getByRole('row').filter({ hasText: email })
  await expect(page.getByRole('row')).toHaveCount(2)
  await row.getByRole('button').click()
  await page.getByText('Disable', { exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click()
  await expect(row.getByText('Disabled')).toBeVisible()
  await row.getByRole('button').click()
  await page.getByText('Erase', { exact: true }).click()
  await page.getByLabel('Name of the account').fill(email)
  await isAccessible(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Erase' }).click()
  await expect(page.getByText('Nobody like that')).toBeVisible()
  await look(page)
})

test('a key from its making to its end', async ({ page }) => {
  const name = `Till ${Date.now()}`
  await signIn(page)
  await enter(page, 'API keys')
  await button(page, 'New key').click()
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('coupons:redeem').check()
  await isAccessible(page)
  await button(page, 'Make the key').click()
  const first = await page.getByLabel('Secret', { exact: true }).textContent()
  await button(page, 'I have it').click()
  await expect(page.getByRole('dialog')).toHaveCount(0)
  const row = page.getByRole('row').filter({ hasText: name })
  await look(page)
  await row.getByRole('button').click()
  await page.getByText('New secret', { exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'New secret' }).click()
  await expect(page.getByLabel('Secret', { exact: true })).not.toHaveText(first!)
  await button(page, 'I have it').click()
  await expect(row).toContainText('The old secret works until')
  await row.getByRole('button').click()
  await page.getByText('Revoke', { exact: true }).click()
  await page.getByLabel('Name of the key').fill(name)
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await expect(row).toHaveCount(0)
})

test('queues and profile', async ({ page, allow }) => {
  allow(403)
  await signIn(page)
  await enter(page, 'Queues')
  await expect(page.getByRole('row', { name: /^Claims/ })).toContainText('pending')
  await look(page)
  await enter(page, 'Profile')
  await expect(page.getByText('This device', { exact: true })).toBeVisible()
  await look(page)
  await page.getByLabel('Current password').fill('not that one')
  await page.getByLabel('New password').fill('short')
  await button(page, 'Change it').click()
  await expect(
    page
      .getByRole('alert')
      .or(page.locator('.v-messages__message'))
      .filter({ hasText: /./ })
      .first(),
  ).toBeVisible()
})
