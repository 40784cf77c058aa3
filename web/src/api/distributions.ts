import { api, ask } from './client'
import type { Job } from './sales'
import type { components, operations } from './schema'

export type Terms = components['schemas']['DistributeRequest']
export type Plan = components['schemas']['Distribution']
export type Outcome = components['schemas']['Outcome']
export type OutcomeStatus = Outcome['status']
export type JobFilter = NonNullable<operations['list-jobs']['parameters']['query']>

const keyed = (id: string, key: string) => ({ path: { id }, header: { 'Idempotency-Key': key } })

/** Plans, gives out by terms, or gives out exactly as planned. */
export function distribute(pool: string, body: Terms, key: string): Promise<Job> {
  return ask(api.POST('/api/v1/pools/{id}/distributions', { params: keyed(pool, key), body }))
}

export type Steer = 'pause' | 'resume' | 'cancel'

export function steerJob(id: string, steer: Steer): Promise<Job> {
  const options = { params: { path: { id } } }
  switch (steer) {
    case 'pause':
      return ask(api.POST('/api/v1/jobs/{id}/pause', options))
    case 'resume':
      return ask(api.POST('/api/v1/jobs/{id}/resume', options))
    case 'cancel':
      return ask(api.POST('/api/v1/jobs/{id}/cancel', options))
  }
}

export function recallJob(id: string, reason: string, key: string): Promise<Job> {
  return ask(api.POST('/api/v1/jobs/{id}/recall', { params: keyed(id, key), body: { reason } }))
}

export function getOutcomes(
  job: string,
  filter: { status?: OutcomeStatus | undefined; cursor?: string | undefined },
  signal?: AbortSignal,
) {
  const params = { path: { id: job }, query: { ...filter, limit: 25 } }
  return ask(api.GET('/api/v1/jobs/{id}/outcomes', { params, signal }))
}

export function getJobs(filter: JobFilter, signal?: AbortSignal) {
  return ask(api.GET('/api/v1/jobs', { params: { query: { limit: 20, ...filter } }, signal }))
}
