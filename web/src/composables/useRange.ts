import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import type { Span } from '@/api/activity'

/** How many days each span of time has that a chart can show. */
export const ranges = { day: 1, week: 7, month: 30 } as const
export type Range = keyof typeof ranges

/** The span that a chart shows. It is in the address; a week when nothing is said. */
export function useRange() {
  const route = useRoute()
  const router = useRouter()
  const range = computed<Range>({
    get: () =>
      Object.keys(ranges).find((range): range is Range => range === route.query.range) ?? 'week',
    set: (range) =>
      void router.replace({
        query: { ...route.query, range: range === 'week' ? undefined : range },
      }),
  })
  function span(): Span {
    const to = new Date()
    const from = new Date(to)
    if (range.value === 'day') {
      from.setHours(from.getHours() - 23, 0, 0, 0)
    } else {
      // From midnight: the first day in part would look like a bad one.
      from.setHours(0, 0, 0, 0)
      from.setDate(from.getDate() + 1 - ranges[range.value])
    }
    return { from, to }
  }
  return { range, span }
}
