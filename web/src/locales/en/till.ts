export const till = {
  lockedForYou: 'Locked for you for',
  lockedElsewhere: 'Locked elsewhere for',
  unlock: 'Unlock',
  redeem: 'Redeem',
  elsewhere: 'A till or another device holds it. The lock ends by itself.',
  redeemed: 'Redeemed. Enjoy!',
  unlocked: 'Unlocked.',
  locked: 'Locked for you.',
  lock: 'Lock it for a purchase',
  lockText:
    'Do this before you pay: it is yours alone for some minutes, while you are at the till.',
  redeemTitle: 'Redeem this coupon?',
  notYet: 'Not yet',
  usesOnce: 'This uses it once.',
  usesUp: 'This uses it up.',
}
