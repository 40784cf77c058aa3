import { defineConfig } from '@playwright/test'
import { findChromium } from './chromium.js'

/** The service under test; the Go tests in `e2e` start one and set this. */
const url = process.env.COUPONBOOK_URL
if (!url)
  throw new Error('COUPONBOOK_URL is not set: run `go test ./e2e -run Browser`, or name a service')

export default defineConfig({
  testDir: '.',
  outputDir: process.env.COUPONBOOK_PICTURES ?? 'node_modules/.results',
  forbidOnly: true,
  reporter: 'list',
  workers: 1,
  // Long enough for a machine that runs other tests beside: what is tested here is no speed.
  timeout: 180_000,
  expect: { timeout: 30_000 },
  projects: [
    {
      name: 'desktop',
      testIgnore: /million|dashboard/,
      use: { viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
    },
    {
      name: 'phone',
      testMatch: /(accounts|customer|manager|operator|pools|webhooks)\.spec\.ts/,
      use: { viewport: { width: 390, height: 844 }, colorScheme: 'dark', hasTouch: true },
    },
    // Wants a book of a million codes: `make check-long` makes one.
    ...(process.env.MILLION_BOOK ? [{ name: 'million', testMatch: /million/ }] : []),
    // Wants a Prometheus that watched: `make screenshots` has one.
    ...(process.env.PROMETHEUS_URL ? [{ name: 'dashboard', testMatch: /dashboard/ }] : []),
  ],
  use: {
    baseURL: url,
    screenshot: 'only-on-failure',
    contextOptions: { reducedMotion: 'reduce' },
    // Tests run as root in containers too, where Chromium has no sandbox.
    launchOptions: { ...findChromium(), args: ['--no-sandbox'] },
  },
})
