import type { Job } from '@/api/sales'
import { jobs } from '@/locales/en/jobs'

export const jobKinds = Object.keys(jobs.kinds) as Job['kind'][]
export const jobStatuses = Object.keys(jobs.statuses) as Job['status'][]

export const jobColors: Partial<Record<Job['status'], string>> = {
  running: 'primary',
  paused: 'warning',
  succeeded: 'success',
  partially_succeeded: 'warning',
  failed: 'error',
}

/** The message that says what a job is: a dry run of a distribution makes a plan. */
export const nameOf = ({ kind, terms }: Job) =>
  terms?.dry_run ? 'jobs.plan' : `jobs.kinds.${kind}`

/** Whether a job can be told to end: one that waits, and a distribution on its way. */
export const canCancel = ({ kind, status, done, canceling }: Job) =>
  !done && !canceling && (status === 'queued' || kind === 'distribution')

/** Whether a job failed by the service's fault, so that it can be tried again. */
export const canRetry = ({ status, error }: Job) =>
  status === 'failed' && ['internal', 'expired'].includes(error?.code ?? '')
