import { api, ask } from './client'
import type { Job } from './sales'
import type { components } from './schema'

type Schemas = components['schemas']
export type Endpoint = Schemas['Endpoint']
export type NewEndpoint = Schemas['CreateEndpointRequest']
export type EndpointChanges = Schemas['EditEndpointRequest']
export type Delivery = Schemas['Delivery']
export type DeliveryStatus = Delivery['status']
export type DeliveryDetails = Schemas['DeliveryDetails']
export type Attempt = Schemas['Attempt']

const by = (id: string) => ({ path: { id } })

export function getEndpoints(cursor: string | undefined, signal?: AbortSignal) {
  return ask(api.GET('/api/v1/webhooks', { params: { query: { cursor, limit: 24 } }, signal }))
}

export function getEndpoint(id: string, signal?: AbortSignal): Promise<Endpoint> {
  return ask(api.GET('/api/v1/webhooks/{id}', { params: by(id), signal }))
}

/** The answer has the secret, this once. */
export function createEndpoint(body: NewEndpoint): Promise<Endpoint> {
  return ask(api.POST('/api/v1/webhooks', { body }))
}

/** Changes the very version that was read; an endpoint that has changed since is refused. */
export function editEndpoint({ id, version }: Endpoint, body: EndpointChanges): Promise<Endpoint> {
  const header = { 'If-Match': `"${version}"` }
  return ask(api.PATCH('/api/v1/webhooks/{id}', { params: { ...by(id), header }, body }))
}

export function deleteEndpoint(id: string) {
  return ask(api.DELETE('/api/v1/webhooks/{id}', { params: by(id) }))
}

/** The answer has the new secret, this once. */
export function rotateSecret(id: string): Promise<Endpoint> {
  return ask(api.POST('/api/v1/webhooks/{id}/rotate-secret', { params: by(id) }))
}

export function testEndpoint(id: string) {
  return ask(api.POST('/api/v1/webhooks/{id}/test', { params: by(id) }))
}

export function replay(id: string, from: string, to: string, key: string): Promise<Job> {
  const params = { ...by(id), header: { 'Idempotency-Key': key } }
  return ask(api.POST('/api/v1/webhooks/{id}/replay', { params, body: { from, to } }))
}

export function getDeliveries(
  endpoint: string,
  filter: { status?: DeliveryStatus | undefined; cursor?: string | undefined },
  signal?: AbortSignal,
) {
  const params = { ...by(endpoint), query: { ...filter, limit: 25 } }
  return ask(api.GET('/api/v1/webhooks/{id}/deliveries', { params, signal }))
}

export function getDelivery(id: number, signal?: AbortSignal): Promise<DeliveryDetails> {
  return ask(api.GET('/api/v1/deliveries/{id}', { params: { path: { id } }, signal }))
}

export function redeliver(id: number): Promise<Delivery> {
  return ask(api.POST('/api/v1/deliveries/{id}/redeliver', { params: { path: { id } } }))
}

/** What an endpoint can ask for: all, all of a resource, or a type. */
export async function getEventFilters(signal?: AbortSignal): Promise<string[]> {
  const { data } = await ask(api.GET('/api/v1/event-types', { signal }))
  const types = data.map(({ type }) => type).filter((type) => type !== 'webhook.test')
  return ['*', ...new Set(types.map((type) => type.replace(/\..*/, '.*'))), ...types]
}
