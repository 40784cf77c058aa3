import { expect, it } from 'vitest'
import { bucketsOf } from './buckets'

const hour = (at: string, granted: number) => ({
  hour: at,
  granted,
  redeemed: 1,
  refused: 2,
  rolled_back: 0,
})

it('shows a day by hours, without a gap', () => {
  const buckets = bucketsOf(
    [hour('2026-11-01T10:00:00Z', 5)],
    new Date('2026-11-01T08:30:00Z'),
    new Date('2026-11-01T12:10:00Z'),
  )
  expect(buckets.map(({ granted }) => granted)).toEqual([0, 0, 5, 0, 0])
})

it('shows a week by days, and adds up the hours of each', () => {
  const noon = new Date(2026, 10, 3, 12)
  const evening = new Date(2026, 10, 3, 20)
  const buckets = bucketsOf(
    [hour(noon.toISOString(), 5), hour(evening.toISOString(), 7)],
    new Date(2026, 10, 1, 9),
    new Date(2026, 10, 8, 9),
  )
  expect(buckets).toHaveLength(8)
  expect(buckets[2]).toMatchObject({ granted: 12, redeemed: 2, refused: 4 })
})
