import type { Hour } from '@/api/activity'

export interface Bucket {
  at: Date
  granted: number
  redeemed: number
  refused: number
}

const hourMs = 3_600_000
/** Up to this long a chart shows hours, else days. */
const hoursUpTo = 48 * hourMs

/** What a chart shows: hours or days of the reader's zone, without a gap. */
export function bucketsOf(hours: Hour[], from: Date, to: Date): Bucket[] {
  const daily = to.getTime() - from.getTime() > hoursUpTo
  const begin = (at: Date) => {
    const start = new Date(at)
    if (daily) start.setHours(0, 0, 0, 0)
    else start.setMinutes(0, 0, 0)
    return start
  }
  const next = (at: Date) => {
    const later = new Date(at)
    if (daily) later.setDate(later.getDate() + 1)
    else later.setTime(later.getTime() + hourMs)
    return later
  }
  const buckets = new Map<number, Bucket>()
  for (let at = begin(from); at < to; at = next(at))
    buckets.set(at.getTime(), { at, granted: 0, redeemed: 0, refused: 0 })
  for (const { hour, granted, redeemed, refused } of hours) {
    const bucket = buckets.get(begin(new Date(hour)).getTime())
    if (!bucket) continue
    bucket.granted += granted
    bucket.redeemed += redeemed
    bucket.refused += refused
  }
  return [...buckets.values()]
}
