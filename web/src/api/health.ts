export interface Readiness {
  status: 'ok' | 'degraded' | 'unavailable'
  checks: Record<string, string>
}

/** Asks what the service itself can reach. It answers 503 with the same body when something is away. */
export async function getReadiness(signal?: AbortSignal): Promise<Readiness> {
  const response = await fetch('/readyz', signal ? { signal } : {})
  return (await response.json()) as Readiness
}
