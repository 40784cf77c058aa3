import { readFileSync } from 'node:fs'
import type { Download, Page } from '@playwright/test'
import { makeSale } from './service'
import { signIn } from './signin'
import { button, expect, look, test } from './watch'

const textOf = async (download: Download) => readFileSync(await download.path(), 'utf8')
const link = (page: Page, name: string) => page.getByRole('link', { name, exact: true })
const people = 3000

async function makePool(page: Page, name: string): Promise<void> {
  await page.goto('/pools')
  await button(page, 'New pool').click()
  await expect(page.getByRole('dialog').getByLabel('Name')).toBeFocused()
  await page.getByRole('dialog').getByLabel('Name').fill(name)
  await page.getByRole('dialog').getByLabel('Description').fill('Who wants to hear from us.')
  await look(page)
  await button(page, 'Make the pool').click()
  await expect(page.getByRole('heading', { name })).toBeVisible()
  await expect(page.getByText('No members yet')).toBeVisible()
}

test('from a file of people to coupons, and back', async ({ page, baseURL, context }) => {
  const own = Date.now()
  const sale = `Gifts ${own}`
  await makeSale(baseURL!, { name: sale, codes: 5000 })
  await signIn(page)
  await makePool(page, `Newsletter ${own}`)
  await look(page)

  // The members come as a file, with mistakes in it.
  await link(page, 'Import members').click()
  const rows = Array.from(
    { length: people },
    (_, i) => `reader-${own}-${i}@example.com;Reader ${i}`,
  )
  await page.getByLabel('CSV file').setInputFiles({
    name: 'people.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(`E-mail;Name\n${rows.join('\n')}\nno@@mail;\n;Nobody\n`),
  })
  await expect(page.getByRole('cell', { name: `reader-${own}-0@example.com` })).toBeVisible()
  await page.getByLabel('Make accounts for who has none').check()
  await look(page)
  await button(page, 'Add the members').click()
  await expect(page.getByText('3,000 members added')).toBeVisible()
  await expect(page.getByText('1 row with an unreadable user')).toBeVisible()
  await look(page)
  const reportComes = page.waitForEvent('download')
  await link(page, 'Report of the refused rows').click()
  expect((await textOf(await reportComes)).trim().split('\n')).toHaveLength(3)
  await link(page, 'To the pool').click()
  await expect(page.getByText('3,000 members')).toBeVisible()
  await page.getByLabel('E-mail or external id begins with').fill(`reader-${own}-29`)
  await expect(
    page.getByRole('cell', { name: `reader-${own}-29@example.com`, exact: true }),
  ).toBeVisible()
  await look(page)

  // The plan: more than there are, and then as many as the book allows.
  await link(page, 'Distribute coupons').click()
  await page.getByLabel('Book', { exact: true }).fill(sale)
  await page.getByRole('option', { name: sale }).click()
  await page.getByLabel('A number in all, spread over the members').check()
  await page.getByLabel('Coupons in all').fill('4000')
  await button(page, 'See the plan').click()
  await expect(page.getByText(/The members can take 3000 coupons of the 4000/)).toBeVisible()
  await look(page)
  await page.getByLabel('The same number for each member').check()
  await page.getByLabel('Coupons for each member').fill('1')
  await button(page, 'See the plan').click()
  await expect(page.getByText('3,000 members get 1 coupon')).toBeVisible()
  await look(page)
  await page.reload() // the plan is in the address
  await expect(page.getByText('3,000 members get 1 coupon')).toBeVisible()

  // Confirmed by name, paused and resumed on the way, seen in a second tab too.
  await button(page, 'Give out 3,000 coupons').click()
  await page.getByLabel('Name of the pool').fill(`Newsletter ${own}`)
  await look(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Give them out' }).click()
  await expect(page.getByRole('heading', { name: 'Distribution', exact: true })).toBeVisible()
  await button(page, 'Pause').click()
  await expect(page.getByText('Paused', { exact: true })).toBeVisible()
  await look(page)
  const second = await context.newPage()
  await second.goto(page.url())
  await expect(second.getByText('Paused', { exact: true })).toBeVisible()
  await button(second, 'Resume').click()
  await expect(page.getByText('Done', { exact: true })).toBeVisible()
  await second.close()

  // Who got what, and all of it back.
  await expect(page.getByText('Coupons given')).toBeVisible()
  await expect(page.locator('tbody tr')).toHaveCount(25)
  await look(page)
  const recipientsCome = page.waitForEvent('download')
  await link(page, 'Export as CSV').click()
  const lines = (await textOf(await recipientsCome)).trim().split('\n')
  expect(lines).toHaveLength(people + 1)
  expect(lines[1]).toMatch(/,granted,1,1,[-0-9A-Z]+,,$/)
  await button(page, 'Recall').click()
  await expect(page.getByLabel('Reason')).toBeFocused()
  await page.getByLabel('Reason').fill('the wrong sale')
  await page.getByLabel('Name of the book').fill(sale)
  await look(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Take them back' }).click()
  await expect(page.getByText(/3,000 coupons are back in the stock/)).toBeVisible()
  await look(page)
  await page.reload() // the recall is in the address
  await expect(page.getByText(/3,000 coupons are back in the stock/)).toBeVisible()
  await link(page, `Newsletter ${own}`).click()
  await expect(page.getByText('Done', { exact: true })).toBeVisible()
  await expect(page.getByText('Plan', { exact: true })).toHaveCount(2)
  await look(page)
})

test('members by hand, and a pool that goes', async ({ page }) => {
  const name = `Few ${Date.now()}`
  await signIn(page)
  await makePool(page, name)
  await button(page, 'Add members').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('E-mails or external ids').fill(`crm-${name}\nadmin@example.com`)
  await button(page, 'Add 2').click()
  await expect(dialog.getByText(/1 added, 1 not known/)).toBeVisible()
  await look(page)
  await dialog.getByLabel('Make accounts for who has none').check()
  await button(page, 'Add 1').click()
  await expect(dialog.getByText('1 added.')).toBeVisible()
  await button(page, 'Done').click()
  await expect(page.getByText('2 members')).toBeVisible()
  await button(page, 'Remove admin@example.com').click()
  await expect(page.getByText('1 member', { exact: true })).toBeVisible()
  await button(page, 'Settings').click()
  await dialog.getByLabel('Name').fill(`${name} left`)
  await button(page, 'Save').click()
  await expect(page.getByRole('heading', { name: `${name} left` })).toBeVisible()
  await button(page, 'Delete').click()
  await page.getByLabel('Name of the pool').fill(`${name} left`)
  await look(page)
  await button(page, 'Delete it').click()
  await expect(page.getByRole('heading', { name: 'Pools' })).toBeVisible()
  await expect(page.getByText(`${name} left`)).toHaveCount(0)
})
