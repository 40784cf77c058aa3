import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import type { Span } from '@/api/activity'

/** How many hours each span of time has that a chart can show. */
export const ranges = { day: 24, week: 7 * 24, month: 30 * 24 } as const
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
    return { from: new Date(to.getTime() - ranges[range.value] * 3_600_000), to }
  }
  return { range, span }
}
