/** Why a row of a file was refused, a recipient got nothing, or a coupon was left. */
export const reasonWords: Record<string, string> = {
  missing_code: 'without a code',
  malformed: 'with characters that a code cannot have',
  too_long: 'too long',
  missing_user: 'without a user',
  bad_user: 'with an unreadable user',
  bad_name: 'with an unreadable name',
  bad_limit: 'with a wrong number of uses',
  bad_date: 'with a wrong date',
  bad_metadata: 'with unreadable metadata',
  duplicate_in_file: 'twice in the file',
  duplicate_in_book: 'in this book already',
  duplicate_elsewhere: 'in another book already',
  unknown_user: 'for nobody we know',
  limit_reached: 'for somebody who has enough',
}

/** The same of the recipients of a distribution, and of its coupons. */
export const recipientReasons: Record<string, string> = {
  user_disabled: 'disabled',
  limit_reached: 'at the limit of the book',
  not_drawn: 'not drawn: fewer coupons than members',
  no_coupon_left: 'short of a coupon: some were voided or disabled meanwhile',
  canceled: 'canceled before their turn',
  book_not_active: 'the book was closed before their turn',
  book_ended: 'the book ended before their turn',
  already_redeemed: 'redeemed',
  coupon_used: 'used',
  coupon_locked: 'locked',
  coupon_expired: 'expired',
  coupon_void: 'void',
}

/** Counts by reason, the largest first. */
export function sorted(counts: Record<string, number>, words: Record<string, string>) {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, n]) => ({ reason: words[reason] ?? reason, n }))
}
