import { api, ask } from './client'
import type { components } from './schema'

export type AuditEntry = components['schemas']['Audit']

export interface AuditFilter {
  action?: string | undefined
  actor?: string | undefined
  target?: string | undefined
}

export function getAudit(filter: AuditFilter, cursor: string | undefined, signal?: AbortSignal) {
  const params = { query: { ...filter, cursor, limit: 25 } }
  return ask(api.GET('/api/v1/audit', { params, signal }))
}

/** Where all of it comes as a file. */
export function auditFile(filter: AuditFilter): string {
  const given = Object.entries(filter).filter(([, value]) => value)
  return `/api/v1/audit.csv?${new URLSearchParams(given as [string, string][])}`
}
