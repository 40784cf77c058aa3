import { AxeBuilder } from '@axe-core/playwright'
import { expect, test as base, type Page } from '@playwright/test'

/** What `allow` takes for a service that is not reached. */
export const away = 0

/**
 * A test that fails when any of its pages logs an error, or asks another host for anything.
 * Refusals that a test provokes are named by `allow`: browsers log them as errors.
 */
export const test = base.extend<{ allow: (...statuses: number[]) => void }>({
  allow: [
    async ({ context, baseURL }, use) => {
      const allowed: number[] = []
      const wrong: string[] = []
      const refusal = /the server responded with a status of (\d+)/
      context.on('console', (message) => {
        if (message.type() !== 'error') return
        const unreached = message.text().includes('net::ERR_FAILED')
        const status = unreached ? away : Number(refusal.exec(message.text())?.[1])
        if (!allowed.includes(status)) wrong.push(message.text())
      })
      context.on('weberror', (failure) => wrong.push(failure.error().message))
      context.on('request', (request) => {
        const url = new URL(request.url())
        if (url.protocol.startsWith('http') && url.origin !== new URL(baseURL!).origin)
          wrong.push(`request to ${url.href}`)
      })
      await use((...statuses) => void allowed.push(...statuses))
      expect(wrong).toEqual([])
    },
    { auto: true },
  ],
})

/**
 * Nothing on the page that keeps people with a handicap out. What is behind a dialog is out of
 * reach, and meant to be dim.
 */
export async function isAccessible(page: Page): Promise<void> {
  await settled(page)
  const axe = new AxeBuilder({ page })
  const dialog = (await page.getByRole('dialog').count()) > 0
  const { violations } = await (dialog ? axe.include('[role=dialog]') : axe).analyze()
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(' ')}`)).toEqual([])
}

/**
 * Colours in the middle of a transition are nobody's choice. One that ends can begin those of what
 * inherits from it. Spinners never end. Each look is short: a page behind another one has no frames,
 * and waits for one forever.
 */
async function settled(page: Page): Promise<void> {
  await page.bringToFront() // axe opens another one for a moment
  const isStill = () =>
    page.evaluate(async () => {
      const finite = document
        .getAnimations()
        .filter((motion) => motion.effect?.getComputedTiming().iterations !== Infinity)
      const still = Promise.allSettled(finite.map((motion) => motion.finished))
        .then(() => new Promise(requestAnimationFrame))
        .then(() => finite.length === 0)
      return Promise.race([still, new Promise((over) => setTimeout(over, 1000, false))])
    })
  await expect.poll(isStill).toBe(true)
}

/** Nothing sticks out at the side. */
export async function fits(page: Page): Promise<void> {
  const overhang = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  expect(overhang).toBe(0)
}

/** Everybody can use the page, on every screen. */
export async function look(page: Page): Promise<void> {
  await isAccessible(page)
  await fits(page)
}

export const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

export { expect }
