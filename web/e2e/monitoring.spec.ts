import { expect, test } from '@playwright/test'
import { admin, claim, makeSale } from './service'

test('an admin sees the tasks of the sale in the queue monitor', async ({ page, baseURL }) => {
  await claim(baseURL!, await makeSale(baseURL!, { name: `Queue ${Date.now()}`, codes: 1 }))
  await page.goto('/')
  await page.getByLabel('E-mail').fill(admin.email)
  await page.getByLabel('Password').fill(admin.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('heading', { name: 'Dashboard' })).toBeVisible()
  await page.goto('/queues')
  await expect(page.locator('a[href="/monitoring/"]')).toBeVisible()

  await page.goto('/monitoring/queues/assignments?status=completed')
  const task = page.getByRole('row').filter({ hasText: 'assignment:drain' })
  await expect(task.first()).toBeVisible()
  await expect(task.filter({ hasText: /[1-9]\d* granted/ }).first()).toBeVisible()
})

test('nobody else gets into the queue monitor', async ({ page }) => {
  const answer = await page.goto('/monitoring/')
  expect(answer?.status()).toBe(401)
  await expect(page.getByText('assignments')).toHaveCount(0)
})
