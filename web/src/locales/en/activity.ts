export const activity = {
  tab: 'Activity',
  title: 'What happened',
  granted: 'Coupons given out',
  redeemed: 'Redeemed',
  refused: 'Refused claims',
  range: 'Span of time',
  day: '24 hours',
  week: '7 days',
  month: '30 days',
  nothing: 'Nothing in this time.',
  chart:
    '{granted} coupons given out, {redeemed} redeemed and {refused} claims refused between {from} and {to}.',
}
