import type { Page } from '@playwright/test'
import { furnish } from './house'
import { signIn } from './signin'
import { expect, look, test } from './watch'

const pictures = process.env.COUPONBOOK_SCREENSHOTS

/** A theme on either width is enough to check; pictures are taken of all. */
const views = pictures
  ? ([
      ['light', 390],
      ['dark', 390],
      ['light', 1440],
      ['dark', 1440],
    ] as const)
  : ([
      ['light', 1440],
      ['dark', 390],
    ] as const)

/** Every page is for everybody: in both themes, on phones and on desks. */
async function lookEverywhere(page: Page, name: string): Promise<void> {
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  await expect(page.locator('[aria-busy=true]')).toHaveCount(0)
  for (const [theme, width] of views) {
    await page.setViewportSize({ width, height: width < 600 ? 844 : 900 })
    await page.emulateMedia({ colorScheme: theme })
    await expect(page.locator(`.v-application.v-theme--${theme}`)).toBeVisible()
    await test.step(`${name}, ${theme}, ${width}`, () => look(page))
    const path = `${pictures}/${name}-${theme}-${width}.png`
    if (pictures) await page.screenshot({ path, fullPage: width > 600 })
  }
}

test('the doors', async ({ page }) => {
  for (const door of ['sign-in', 'register', 'reset-password']) {
    await page.goto(`/${door}`)
    await lookEverywhere(page, door)
  }
})

test('the rooms', async ({ page, baseURL }) => {
  test.setTimeout(900_000)
  const rooms = await furnish(baseURL!)
  await signIn(page)
  for (const [name, path] of Object.entries(rooms)) {
    await page.goto(path)
    await lookEverywhere(page, name)
  }
})
