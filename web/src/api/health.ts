import { isRecord, request } from './client'

/** The readiness of the service and of each part that it depends on. */
export interface Readiness {
  status: 'ok' | 'degraded' | 'unavailable'
  checks: Record<string, string>
}

/** A 503 is an answer here: it says which part is missing. */
export function getReadiness(signal?: AbortSignal): Promise<Readiness> {
  return request('/readyz', isReadiness, { signal, accept: [503] })
}

function isReadiness(body: unknown): body is Readiness {
  return (
    isRecord(body) &&
    (body.status === 'ok' || body.status === 'degraded' || body.status === 'unavailable') &&
    isRecord(body.checks) &&
    Object.values(body.checks).every((check) => typeof check === 'string')
  )
}
