import type { DeliveryStatus, Endpoint } from '@/api/webhooks'

/** What the statuses of a delivery are called. */
export const deliveryLooks: Record<DeliveryStatus, { text: string; color?: string }> = {
  pending: { text: 'Waiting', color: 'primary' },
  succeeded: { text: 'Delivered', color: 'success' },
  failed: { text: 'Given up', color: 'error' },
  canceled: { text: 'Canceled' },
}

export const deliveryStatuses = Object.keys(deliveryLooks) as DeliveryStatus[]

/** What an endpoint asked for, in words. */
export const eventsAsked = (events: string[]) =>
  events.map((filter) => (filter === '*' ? 'All events' : filter)).join(', ')

/** Why an endpoint is disabled, as the end of a sentence. */
export const disabledReasons: Record<NonNullable<Endpoint['disabled_reason']>, string> = {
  by_hand: 'by hand',
  gone: 'since it answered 410 Gone',
  asked: 'since it asked for it in an answer',
  failing: 'since it failed for five days',
}
