import { computed, ref, shallowRef } from 'vue'
import { useLoad } from './useLoad'

interface Page<T> {
  data: T[]
  next_cursor: string | null
}

/** A list of which one page is shown at a time; `reload` goes back to the first. */
export function usePaging<T>(
  read: (signal: AbortSignal, cursor: string | undefined) => Promise<Page<T>>,
) {
  /** Where the pages up to this one begin; the first one has no cursor. */
  const starts = ref<(string | undefined)[]>([undefined])
  const next = ref<string | null>(null)
  const items = shallowRef<T[]>([])

  const { data, problem, loading, reload } = useLoad(async (signal) => {
    const page = await read(signal, starts.value.at(-1))
    items.value = page.data
    next.value = page.next_cursor
    return true
  })

  function show(pages: (string | undefined)[]): Promise<void> {
    starts.value = pages
    return reload()
  }

  return {
    items,
    problem,
    loading,
    loaded: computed(() => data.value === true),
    number: computed(() => starts.value.length),
    hasNext: computed(() => next.value !== null),
    hasPrevious: computed(() => starts.value.length > 1),
    /** Reads the same page again. */
    refresh: reload,
    reload: () => show([undefined]),
    showNext: () => show([...starts.value, next.value ?? undefined]),
    showPrevious: () => show(starts.value.slice(0, -1)),
  }
}
