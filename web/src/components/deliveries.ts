import type { DeliveryStatus } from '@/api/webhooks'
import { i18n } from '@/i18n'

export const deliveryStatuses = [
  'pending',
  'succeeded',
  'failed',
  'canceled',
] as const satisfies DeliveryStatus[]

/** What an endpoint asked for, in words. */
export const eventsAsked = (events: string[]) =>
  events.map((filter) => (filter === '*' ? i18n.global.t('webhooks.allEvents') : filter)).join(', ')
