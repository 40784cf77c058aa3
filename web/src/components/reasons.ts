import { i18n } from '@/i18n'

/** Whose reasons: the rows of a file, or the recipients and coupons of a distribution. */
type Whose = 'rows' | 'recipients'

/** Counts by reason, in words, the largest first. A later version may know more reasons. */
export function sorted(counts: Record<string, number>, whose: Whose) {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, n]) => {
      const key = `reasons.${whose}.${reason}`
      return { reason: i18n.global.te(key) ? i18n.global.t(key) : reason, n }
    })
}
