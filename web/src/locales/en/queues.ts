export const queues = {
  title: 'Queues',
  monitor: 'Queue monitor',
  queue: 'Queue',
  waiting: 'Waiting',
  oldest: 'Oldest',
  running: 'Running',
  pace: 'Per second',
  failed: 'Failed',
  tasks: 'Tasks in Redis',
  tasksOf: '{pending} pending, {active} active',
  away: 'Redis does not answer: work goes on a little slower, and nothing is lost.',
  explained:
    'What waits and runs is counted in the database. Redis only wakes the workers: a task that is lost there delays the work by about a second.',
  names: {
    assignments: 'Claims',
    codes: 'Codes and files',
    distributions: 'Distributions',
    webhooks: 'Webhooks',
  },
  works: {
    assignments: 'One coupon or a few, for somebody who waits',
    codes: 'Making, uploading, exporting and voiding of codes, imports of members',
    distributions: 'Coupons for whole pools, and recalls',
    webhooks: 'Messages to your servers',
  },
}
