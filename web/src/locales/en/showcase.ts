export const showcase = {
  title: 'What the rules refuse here',
  text: 'A showcase offers it all the same, so that you see the answer of the API.',
  allowed: 'It was allowed: the rules have changed since the page was read.',
  claim: 'Claim all the same',
  lock: 'Lock it',
  redeem: 'Redeem it without a lock',
  moves: { activate: 'Activate it', pause: 'Pause it', close: 'Close it' },
  cancel: 'Cancel it',
  retry: 'Try it again',
}
