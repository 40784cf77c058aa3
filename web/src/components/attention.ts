import type { BookStock } from '@/api/activity'
import type { Job } from '@/api/sales'
import type { Endpoint } from '@/api/webhooks'

/** Something that somebody should look at: what it is, and where. */
export interface Matter {
  id: string
  severity: 'error' | 'warning'
  /** What it is about. */
  title: string
  /** What is wrong, as a message and what it says. */
  message: string
  values: Record<string, unknown>
  to: { name: string; params: { id: string } }
}

/** What needs somebody, the worst first. */
export function matters(books: BookStock[], failed: Job[], endpoints: Endpoint[]): Matter[] {
  const all = [...books.flatMap(ofBook), ...failed.map(ofJob), ...endpoints.flatMap(ofEndpoint)]
  return [
    ...all.filter(({ severity }) => severity === 'error'),
    ...all.filter(({ severity }) => severity === 'warning'),
  ]
}

function ofBook({
  book_id: id,
  name,
  free,
  total,
  low,
  ending_soon,
  ends_at,
}: BookStock): Matter[] {
  const matter = (what: string, severity: Matter['severity'], values: Record<string, unknown>) => ({
    id: `${id}-${what}`,
    severity,
    title: name,
    message: `dashboard.${what}`,
    values,
    to: { name: 'book', params: { id } },
  })
  const found: Matter[] = []
  if (!total) found.push(matter('noCodes', 'warning', {}))
  else if (!free) found.push(matter('empty', 'error', { total }))
  else if (low) found.push(matter('low', 'warning', { free, total }))
  if (ending_soon && ends_at) found.push(matter('endsSoon', 'warning', { when: ends_at }))
  return found
}

function ofJob({ id, kind, error }: Job): Matter {
  return {
    id,
    severity: 'error',
    title: '',
    message: 'dashboard.jobFailed',
    values: { kind, reason: error?.detail ?? '' },
    to: { name: 'job', params: { id } },
  }
}

function ofEndpoint({ id, url, status, failures }: Endpoint): Matter[] {
  const message =
    status === 'disabled'
      ? 'dashboard.endpointDisabled'
      : status === 'enabled' && failures > 0
        ? 'dashboard.endpointFailing'
        : ''
  if (!message) return []
  const severity = status === 'disabled' ? 'error' : 'warning'
  const to = { name: 'webhook', params: { id } }
  return [{ id, severity, title: new URL(url).host, message, values: {}, to }]
}
