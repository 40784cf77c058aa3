import { readFileSync } from 'node:fs'
import type { Download, Page } from '@playwright/test'
import { signIn } from './signin'
import { button, expect, look, test } from './watch'

const textOf = async (download: Download) => readFileSync(await download.path(), 'utf8')
const link = (page: Page, name: string) => page.getByRole('link', { name, exact: true })
const tile = (page: Page, name: string) =>
  page.locator('dl.tiles > div').filter({ hasText: name }).locator('dd')

/** Makes a draft by the form, and stays on its page. */
async function makeBook(page: Page, name: string): Promise<void> {
  await link(page, 'New book').click()
  await expect(page.getByRole('heading', { name: 'New book' })).toBeVisible()
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Description').fill('Ten percent off everything that is warm.')
  await look(page)
  await button(page, 'Make the book').click()
  await expect(page.getByRole('heading', { name })).toBeVisible()
  await expect(page.getByText('Draft', { exact: true })).toBeVisible()
}

test('a book from its making to its export', async ({ page }) => {
  await signIn(page)
  await look(page)
  const own = `AUT${Date.now()}` // a code exists once in the whole service
  const name = `Autumn ${own}`
  await makeBook(page, name)
  await expect(page.getByText('No codes yet')).toBeVisible()
  await look(page)

  // Codes from a pattern, with a preview of them as it is typed.
  await link(page, 'Make codes').click()
  await expect(page.getByLabel('Examples').getByRole('listitem')).toHaveCount(5)
  await page.getByLabel('Pattern').fill('AUTUMN-##')
  await expect(page.getByText(/random characters/)).toBeVisible()
  await expect(page.getByRole('button', { name: /^Make .* codes$/ })).toBeDisabled()
  await look(page)
  await page.getByLabel('Pattern').fill('AUTUMN-####-####')
  await expect(page.getByText(/^AUTUMN-\w{4}-\w{4}$/).first()).toBeVisible()
  await page.getByLabel('How many').fill('300')
  await button(page, 'Make 300 codes').click()
  await expect(page.getByText('300 codes are in the book.')).toBeVisible()
  await page.reload() // the job is in the address
  await expect(page.getByText('300 codes are in the book.')).toBeVisible()
  await look(page)
  await link(page, 'To the book').click()
  await expect(tile(page, 'Free')).toHaveText('300')

  // A file with mistakes in it: tried, then added, and the report of what was refused.
  await link(page, 'Upload codes').click()
  const rows = [`${own}-1;Ann;2`, `${own}-2;;`, '=1+1;;', `${own}-1;;`, `${own}-3;;many`]
  await page.getByLabel('CSV file').setInputFiles({
    name: 'autumn.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(`Coupon code;Shop;Limit\n${rows.join('\n')}\n`),
  })
  await expect(page.getByRole('cell', { name: `${own}-2` })).toBeVisible()
  await expect(page.getByLabel('The first row is a header')).toBeChecked()
  await look(page)
  await button(page, 'Try without adding').click()
  await expect(page.getByText('would be added')).toBeVisible()
  await button(page, 'Add the codes').click()
  await expect(page.getByText('2 codes added, 3 rows refused:')).toBeVisible()
  await expect(page.getByText('1 row twice in the file')).toBeVisible()
  await look(page)
  const reportComes = page.waitForEvent('download')
  await link(page, 'Report of the refused rows').click()
  expect((await textOf(await reportComes)).split('\n').slice(0, 4)).toEqual([
    'row,code,reason,detail',
    expect.stringMatching(/^4,'=1\+1,malformed,/),
    `5,${own}-1,duplicate_in_file,is the code of line 2 too`,
    expect.stringMatching(new RegExp(`^6,${own}-3,bad_limit,`)),
  ])
  await link(page, 'To the book').click()
  await expect(tile(page, 'Coupons')).toHaveText('302')

  // Search, and a single code that is disabled.
  await page.getByLabel('Code begins with').fill(`${own.toLowerCase()}1`)
  await expect(page.locator('tbody tr')).toHaveCount(1)
  await expect(page).toHaveURL(/prefix=aut/)
  await button(page, `What to do with ${own}-1`).click()
  await page.getByText('Disable', { exact: true }).click()
  await page.getByLabel('Reason').fill('printed twice')
  await look(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click()
  await expect(page.getByText('Disabled', { exact: true })).toBeVisible()
  await expect(tile(page, 'Free')).toHaveText('301')

  // Its file.
  await page.getByLabel('Code begins with').fill('')
  await expect(page.locator('tbody tr')).toHaveCount(25)
  await button(page, 'Next page').click()
  await expect(page.getByText('Page 2')).toBeVisible()
  await look(page)
  await button(page, 'Export').click()
  await button(page, 'Make the file').click()
  await expect(page.getByText(/302 codes\. The link ends/)).toBeVisible()
  await look(page)
  const fileComes = page.waitForEvent('download')
  await link(page, 'Download').click()
  const lines = (await textOf(await fileComes)).trim().split('\n')
  expect(lines).toHaveLength(303)
  expect(lines[1]).toContain(`${own}-1,UNASSIGNED,`)
  await button(page, 'Done').click()

  // Open, paused, closed.
  for (const [act, status] of [
    ['Activate', 'Active'],
    ['Pause', 'Paused'],
  ] as const) {
    await button(page, act).click()
    await expect(page.getByText(status, { exact: true })).toBeVisible()
  }
  await button(page, 'Close book').click()
  await expect(button(page, 'Close it')).toBeDisabled()
  await expect(page.getByRole('dialog')).toContainText(/\d+ codes? of it will never be given out/)
  await page.getByLabel('Name of the book').fill(name)
  await look(page)
  await button(page, 'Close it').click()
  await expect(page.getByText('Closed', { exact: true })).toBeVisible()
})

test('a batch is voided as a whole, a code is added by itself', async ({ page, allow }) => {
  await signIn(page)
  await makeBook(page, `Batches ${Date.now()}`)
  const own = `OWN-${Date.now()}`
  for (const times of [1, 2]) {
    await button(page, 'Add a code').click()
    await page.getByRole('dialog').getByLabel('Code').fill(own)
    if (times === 2) allow(409)
    await button(page, 'Add it').click()
    if (times === 1) await expect(page.getByText(`${own} was added.`)).toBeVisible()
  }
  await expect(page.getByText(/The code exists already/)).toBeVisible()
  await look(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Not now' }).click()

  await page.getByRole('tab', { name: 'Batches' }).click()
  await expect(page.getByText('Added one by one')).toBeVisible()
  await look(page)
  await button(page, 'Coupons').click()
  await expect(page.getByText('One batch')).toBeVisible()
  await expect(page.getByRole('cell', { name: own, exact: true })).toBeVisible()
  await page.getByRole('tab', { name: 'Batches' }).click()
  await button(page, 'Void').click()
  await page.getByLabel('Reason').fill('leaked')
  await button(page, 'Void them').click()
  await expect(page.getByText('1 coupons are void.')).toBeVisible()
  await expect(tile(page, 'Void')).toHaveText('1')
  await look(page)
})

test('settings are changed, and faults are told at their fields', async ({ page, allow }) => {
  await signIn(page)
  await makeBook(page, `Rules ${Date.now()}`)
  await link(page, 'Settings').click()
  await page.getByLabel('A lock holds (minutes)').fill('90')
  allow(422)
  await button(page, 'Save').click()
  await expect(page.getByText('must be between 1 and 3600')).toBeVisible()
  await look(page)
  await page.getByLabel('A lock holds (minutes)').fill('10')
  await page.getByLabel('Ends', { exact: true }).fill('2099-12-31T18:00')
  await button(page, 'Save').click()
  await expect(page.getByText(/ends .*2099/)).toBeVisible()
})
