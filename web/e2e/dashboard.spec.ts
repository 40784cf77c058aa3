import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@playwright/test'

const prometheus = process.env.PROMETHEUS_URL!
const pictures = process.env.COUPONBOOK_SCREENSHOTS
const seconds = 90

interface Panel {
  type: string
  title: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: { expr: string; legendFormat?: string }[]
}
interface Line {
  name: string
  points: [number, number][]
}

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const { panels } = JSON.parse(
  readFileSync(file('../../deploy/grafana/dashboards/couponbook.json'), 'utf8'),
) as { panels: Panel[] }

/** What a panel shows: the lines of its queries over the last `seconds`. */
async function lines(panel: Panel, now: number): Promise<Line[]> {
  const all: Line[] = []
  for (const { expr, legendFormat } of panel.targets ?? []) {
    const query = new URLSearchParams({
      query: expr.replaceAll('$__rate_interval', '10s'),
      start: String(now - seconds),
      end: String(now),
      step: '1',
    })
    const response = await fetch(`${prometheus}/api/v1/query_range?${query}`)
    const { data } = await response.json()
    for (const { metric, values } of data.result) {
      const label = (_: string, name: string) => metric[name] ?? ''
      all.push({
        name:
          legendFormat?.replace(/\{\{\s*(\w+)\s*\}\}/g, label) ?? Object.values(metric).join(' '),
        points: values.map(([at, value]: [number, string]) => [at - now + seconds, +value]),
      })
    }
  }
  return all
}

const hue = (i: number) => `hsl(${(i * 67 + 210) % 360} 65% 45%)`
const short = (n: number) => Intl.NumberFormat('en', { notation: 'compact' }).format(n)

/** A panel as HTML, where the dashboard has it. */
function draw({ type, title, gridPos: { x, y, w, h } }: Panel, shown: Line[]): string {
  const top = Math.max(
    ...shown.flatMap((l) => l.points.map(([, v]) => (isFinite(v) ? v : 0))),
    1e-9,
  )
  const chart = shown
    .map(({ points }, i) => {
      const at = points
        .filter(([, v]) => isFinite(v))
        .map(([t, v]) => `${t},${50 - (48 * v) / top}`)
      return `<polyline points="${at.join(' ')}" fill="none" stroke="${hue(i)}" vector-effect="non-scaling-stroke"/>`
    })
    .join('')
  const values = shown.map(({ name, points }, i) => {
    const last = points.findLast(([, v]) => isFinite(v))?.[1] ?? 0
    return `<span style="color:${hue(i)}">${name} ${short(last)}</span>`
  })
  const body =
    type === 'timeseries'
      ? `<small>${short(top)}</small><svg viewBox="0 0 ${seconds} 50" preserveAspectRatio="none">${chart}</svg><p>${values.join(' ')}</p>`
      : `<h2>${values.join(' ')}</h2>`
  const place = `grid-area: ${y + 1} / ${x + 1} / span ${h} / span ${w}`
  return type === 'row'
    ? `<h1 style="${place}">${title}</h1>`
    : `<section style="${place}"><b>${title}</b>${body}</section>`
}

// Grafana itself is no part of this: its file's queries are asked, each has to have
// an answer, and what it would draw is drawn plainly.
test('every panel of the dashboard shows something', async ({ page }) => {
  const now = Math.floor(Date.now() / 1000)
  const drawn: string[] = []
  for (const panel of panels) {
    const shown = await lines(panel, now)
    if (panel.targets) expect(shown, panel.title).not.toHaveLength(0)
    drawn.push(draw(panel, shown))
  }
  await page.setContent(`<style>
    body { display: grid; grid: auto-flow 30px / repeat(24, 1fr); gap: 4px 8px; margin: 16px; font: 13px sans-serif }
    h1 { font-size: 16px; margin: 4px 0 } h2 { margin: 8px 0 }
    section { border: 1px solid #ccc; padding: 6px; display: flex; flex-direction: column; overflow: hidden }
    svg { flex: 1; min-height: 0; border-bottom: 1px solid #ccc } p { margin: 2px 0; font-size: 11px } small { color: #777 }
  </style>${drawn.join('')}`)
  if (pictures) await page.screenshot({ path: `${pictures}/numbers.png`, fullPage: true })
})
