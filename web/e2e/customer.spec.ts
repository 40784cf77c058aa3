import type { Page } from '@playwright/test'
import { makeSale, open } from './service'
import { expect, look, test } from './watch'

const password = 'a long enough password'

/** Makes an account where the app asks for one, and goes on to what was asked for. */
async function register(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Create one' }).click()
  await page.getByLabel('Name').fill('Ann')
  await page.getByLabel('E-mail').fill(`ann-${Date.now()}@example.com`)
  await page.getByLabel('Password').fill(password)
  await look(page)
  await page.getByRole('button', { name: 'Create account' }).click()
}

const get = (page: Page) => page.getByRole('button', { name: 'Get my coupon' }).click()

test('from a shared link to a redeemed coupon', async ({ page, baseURL }) => {
  const sale = await makeSale(baseURL!, { name: 'Summer sale', codes: 3, opensInMs: 3_600_000 })
  await page.goto(`/sales/${sale}`)
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await look(page)
  await register(page)

  await expect(page.getByRole('heading', { name: 'Summer sale' })).toBeVisible()
  await expect(page.getByRole('timer')).toContainText('seconds')
  await look(page)
  await open(baseURL!, sale, 5_000)
  await page.reload()
  await get(page)
  await expect(page.getByText('It is yours!')).toBeVisible()
  const code = (await page.locator('.code').first().textContent())!
  await look(page)
  await page.reload()
  await expect(page.getByText(code)).toBeVisible()

  await page.getByRole('link', { name: 'My coupons' }).last().click()
  await expect(page.getByRole('link', { name: 'Summer sale' })).toContainText(code)
  await look(page)
  await page.getByRole('link', { name: 'Summer sale' }).click()
  await expect(page.getByRole('img', { name: `QR code of ${code}` })).toBeVisible()

  await page.getByRole('button', { name: 'Lock it' }).click()
  await expect(page.getByRole('timer')).toHaveText(/^4:5\d$/)
  await look(page)
  await page.reload()
  await page.getByRole('button', { name: 'Redeem' }).click()
  await look(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Redeem' }).click()
  await expect(page.getByText('Redeemed. Enjoy!')).toBeVisible()
  await expect(page.getByRole('region', { name: 'Timeline' }).getByRole('listitem')).toContainText([
    'It became yours',
    'Locked for a purchase',
    'Redeemed',
  ])
  await look(page)
})

test('what is refused is said in the words of the service', async ({ page, baseURL, allow }) => {
  const sale = await makeSale(baseURL!, { name: 'Winter sale', codes: 1 })
  await page.goto(`/sales/${sale}`)
  await register(page)
  await get(page)
  await page.getByRole('link', { name: 'Use it' }).click()
  const lock = page.getByRole('button', { name: 'Lock it' })
  await expect(lock).toBeVisible()

  const second = await page.context().newPage()
  await second.goto(page.url())
  await second.getByRole('button', { name: 'Lock it' }).click()
  await expect(second.getByRole('timer')).toBeVisible()

  allow(409)
  await lock.click()
  await expect(page.getByText(/The coupon is locked until .+: wait, or send its/)).toBeVisible()
  await expect(page.getByText('Locked elsewhere for')).toBeVisible()
  await look(page)
})

test('late comers get a kind word', async ({ page, browser, baseURL, allow }) => {
  const sale = await makeSale(baseURL!, { name: 'Tiny sale', codes: 1 })
  const early = await (await browser.newContext({ baseURL: baseURL! })).newPage()
  await early.goto(`/sales/${sale}`)
  await register(early)
  await page.goto(`/sales/${sale}`)
  await register(page)
  await expect(page.getByRole('button', { name: 'Get my coupon' })).toBeVisible()
  await get(early)
  await expect(early.getByText('It is yours!')).toBeVisible()
  await early.close()

  allow(409)
  await get(page)
  await expect(page.getByText('All gone')).toBeVisible()
  await look(page)
  await page.getByRole('button', { name: 'Back to the sale' }).click()
  await expect(page.getByText('Sold out')).toBeVisible()
})

test('rooms are there when they are empty', async ({ page }) => {
  await page.goto('/coupons')
  await register(page)
  await expect(page.getByText('No coupon yet')).toBeVisible()
  await look(page)
  await page.goto('/sales')
  await expect(page.getByRole('heading', { name: 'Sales' })).toBeVisible()
  await look(page)
  await page.goto('/service')
  await expect(page.getByText('Everything works')).toBeVisible()
  await look(page)
  await page.goto('/no/such/page')
  await expect(page.getByText('There is nothing here')).toBeVisible()
  await look(page)
})
