import { signIn } from './signin'
import { expect, test } from './watch'

/** Bytes of compressed JavaScript that the page has loaded. */
const loaded = () =>
  performance
    .getEntriesByType('resource')
    .filter(({ name }) => new URL(name).pathname.endsWith('.js'))
    .reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).encodedBodySize, 0)

test('the first load of somebody who is signed in is light', async ({ page }) => {
  await signIn(page)
  for (const path of ['/books', '/coupons', '/jobs', '/profile']) {
    await page.goto(path)
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    await page.waitForLoadState('networkidle')
    const bytes = await page.evaluate(loaded)
    expect(bytes, `${path} loads something`).toBeGreaterThan(50_000)
    expect(bytes, `bytes of JavaScript of ${path}`).toBeLessThan(250_000)
  }
})
