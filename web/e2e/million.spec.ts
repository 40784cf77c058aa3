import type { Page } from '@playwright/test'
import { signIn } from './signin'
import { expect, test } from './watch'

const book = process.env.MILLION_BOOK!
const rounds = 9
const mostMs = 300

/** How long it takes from the click until a row other than `before` leads the table, in ms. */
async function untilRows(page: Page, link: string, before = ''): Promise<number> {
  return page.evaluate(
    async ([link, before]) => {
      const first = () => document.querySelector('tbody tr td.code')?.textContent ?? ''
      const start = performance.now()
      document.querySelector<HTMLElement>(link)!.click()
      while (!first() || first() === before)
        await new Promise((resolve) => requestAnimationFrame(resolve))
      return performance.now() - start
    },
    [link, before],
  )
}

const median = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1]

test('the page of a book with a million codes is there at once', async ({ page }) => {
  await signIn(page)
  const opened: number[] = []
  const turned: number[] = []
  for (let round = 0; round < rounds; round++) {
    await page.goto('/books')
    await expect(page.locator(`a[href="/books/${book}"]`)).toBeVisible()
    opened.push(await untilRows(page, `a[href="/books/${book}"]`))
    await expect(page.getByText('1,000,000').first()).toBeVisible()
    const first = await page.locator('tbody tr td.code').first().textContent()
    turned.push(await untilRows(page, '[aria-label="Next page"]', first!))
  }
  const ms = (times: number[]) => `${Math.round(median(times))} ms`
  process.stdout.write(`first page after ${ms(opened)}, the next one after ${ms(turned)}\n`)
  expect(median(opened)).toBeLessThan(mostMs)
  expect(median(turned)).toBeLessThan(mostMs)
})
