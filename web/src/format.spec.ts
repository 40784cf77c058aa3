import { describe, expect, it } from 'vitest'
import { away, counted, clockTime } from './format'

describe('clockTime', () => {
  it.each([
    [-5, '0:00'],
    [0, '0:00'],
    [499, '0:00'],
    [500, '0:01'],
    [299_000, '4:59'],
    [3_600_000, '1:00:00'],
    [90_061_000, '25:01:01'],
  ])('shows %i ms as %s', (ms, text) => expect(clockTime(ms)).toBe(text))
})

describe('away', () => {
  const now = Date.parse('2026-11-01T10:00:00Z')
  it.each([
    ['2026-11-01T10:00:30Z', 'in less than a minute'],
    ['2026-11-01T09:59:50Z', 'just now'],
    ['2026-11-01T10:05:59Z', 'in 5 minutes'],
    ['2026-11-01T13:00:00Z', 'in 3 hours'],
    ['2026-11-02T11:00:00Z', 'tomorrow'],
    ['2026-10-29T10:00:00Z', '3 days ago'],
    ['2028-11-02T10:00:00Z', 'in 2 years'],
  ])('puts %s as %s', (iso, text) => expect(away(iso, now)).toBe(text))
})

it('counts in words', () => {
  expect(counted(1, 'member')).toBe('1 member')
  expect(counted(3000, 'memberGets')).toBe('3,000 members get')
})
