import type { Page } from '@playwright/test'
import { admin } from './service'
import { expect } from './watch'

/** Signs in as the one who runs the house, and stays at the books. */
export async function signIn(page: Page): Promise<void> {
  await page.goto('/books')
  await page.getByLabel('E-mail').fill(admin.email)
  await page.getByLabel('Password').fill(admin.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('heading', { name: 'Books' })).toBeVisible()
}
