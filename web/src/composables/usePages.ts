import { computed, ref, shallowRef } from 'vue'
import { useLoad } from './useLoad'

interface Page<T> {
  data: T[]
  next_cursor: string | null
}

/** A list that is read page by page; `reload` starts over. */
export function usePages<T>(
  read: (signal: AbortSignal, cursor: string | undefined) => Promise<Page<T>>,
) {
  const items = shallowRef<T[]>([])
  const cursor = ref<string | null>(null)
  let from: string | undefined

  const { data, problem, loading, reload } = useLoad(async (signal) => {
    const [start, before] = [from, from ? items.value : []]
    const page = await read(signal, start)
    items.value = [...before, ...page.data]
    cursor.value = page.next_cursor
    return true
  })

  function turn(to: string | undefined): Promise<void> {
    from = to
    return reload()
  }

  return {
    items,
    problem,
    loading,
    loaded: computed(() => data.value === true),
    more: computed(() => cursor.value !== null),
    reload: () => turn(undefined),
    readOn: () => turn(cursor.value ?? undefined),
  }
}
