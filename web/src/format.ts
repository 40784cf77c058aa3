import { i18n, spoken } from '@/i18n'
import type { counts } from '@/locales/en/counts'

type Thing = keyof typeof counts

/** The language that is spoken, as the reader's region speaks it. */
const region = () => navigator.languages.find((tag) => tag.startsWith(spoken())) ?? spoken()

const instant = (iso: string, options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat(region(), options).format(new Date(iso))

/** An instant as a date and a time of the reader's zone, or of another. */
export const moment = (iso: string, timeZone?: string) =>
  instant(iso, { dateStyle: 'medium', timeStyle: 'short', timeZone })

/** The same with seconds, for what happens fast. */
export const second = (iso: string) => instant(iso, { dateStyle: 'medium', timeStyle: 'medium' })

/** An instant to the second, with the name of its zone. */
export const exactly = (iso: string, timeZone?: string) =>
  instant(iso, { dateStyle: 'full', timeStyle: 'long', timeZone })

const units = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const

/** How far an instant is from now: "in 3 days", "5 minutes ago". */
export function away(iso: string, now: number): string {
  const relative = new Intl.RelativeTimeFormat(spoken(), { numeric: 'auto' })
  const seconds = (Date.parse(iso) - now) / 1000
  for (const [unit, size] of units.slice(0, -1)) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit)
  }
  return i18n.global.t(seconds < 0 ? 'common.justNow' : 'common.inAMoment')
}

/** A length of time in its largest unit: "350 ms", "4 sec", "3 min". */
export function lasted(ms: number): string {
  const [unit, size] = units.find(([, size]) => ms >= size * 1000) ?? ['millisecond', 0.001]
  const told = { style: 'unit', unit, unitDisplay: 'short' } as const
  return new Intl.NumberFormat(spoken(), told).format(Math.floor(ms / 1000 / size))
}

const sizes = ['byte', 'kilobyte', 'megabyte'] as const

/** The size of a file: "512 byte", "4.2 kB", "120 MB". */
export function size(bytes: number): string {
  const power = Math.min(2, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(1000)))
  const told = { style: 'unit', unit: sizes[power], maximumSignificantDigits: 3 } as const
  return new Intl.NumberFormat(spoken(), told).format(bytes / 1000 ** power)
}

/** A length of time as a clock shows it: "4:59", "1:04:59"; never below "0:00". */
export function clockTime(ms: number): string {
  const left = Math.max(0, Math.round(ms / 1000))
  const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`
}

/** A number as the reader writes it: "3,000". */
export const number = (n: number) => i18n.global.n(n)

/** A number of things in words: "1 member", "3,000 members". */
export const counted = (n: number, thing: Thing) =>
  i18n.global.t(`counts.${thing}`, { n: number(n) }, n)
