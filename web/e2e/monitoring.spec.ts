import { expect, test } from '@playwright/test'

const { ADMIN_EMAIL: email = 'admin@example.com', ADMIN_PASSWORD: password = 'couponbook-demo' } =
  process.env

test('an admin sees the tasks of the sale in the queue monitor', async ({ page }) => {
  await page.goto('/')
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByText(email)).toBeVisible()

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
