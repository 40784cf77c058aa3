import { api, ask } from './client'
import type { Job } from './sales'
import type { components } from './schema'

export type Queue = components['schemas']['Queue']

export interface JobFilter {
  kind?: Job['kind'] | undefined
  status?: Job['status'] | undefined
  /** Only work that waits in no book's queue. */
  bulk?: boolean | undefined
}

export function getJobs(
  filter: JobFilter & { limit?: number },
  cursor?: string,
  signal?: AbortSignal,
) {
  const params = { query: { limit: 25, ...filter, cursor } }
  return ask(api.GET('/api/v1/jobs', { params, signal }))
}

export function getJob(id: string, signal?: AbortSignal): Promise<Job> {
  return ask(api.GET('/api/v1/jobs/{id}', { params: { path: { id } }, signal }))
}

export function cancelJob(id: string): Promise<Job> {
  return ask(api.POST('/api/v1/jobs/{id}/cancel', { params: { path: { id } } }))
}

/** Tries a job again that failed; one that is tried again already stays as it is. */
export function retryJob(id: string): Promise<Job> {
  return ask(api.POST('/api/v1/jobs/{id}/retry', { params: { path: { id } } }))
}

export async function getQueues(signal?: AbortSignal): Promise<Queue[]> {
  return (await ask(api.GET('/api/v1/queues', { signal }))).data
}
