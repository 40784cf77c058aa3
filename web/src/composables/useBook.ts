import { computed, ref } from 'vue'
import { getBook, getStats, moveBook, type Book, type Move, type Stats } from '@/api/books'
import { useAgain } from './useAgain'
import { useLoad } from './useLoad'

const lookAgainMs = 5_000

/** A book with its numbers, which are read again every few seconds. */
export function useBook(id: string) {
  const { data, problem, loading, reload } = useLoad(async (signal) => {
    const [book, stats] = await Promise.all([getBook(id, signal), getStats(id, signal)])
    return { book, stats }
  })
  const busy = ref(false)

  async function move(to: Move): Promise<void> {
    busy.value = true
    try {
      await moveBook(id, to)
      await reload()
    } finally {
      busy.value = false
    }
  }

  useAgain(lookAgainMs, reload)

  return {
    book: computed((): Book | undefined => data.value?.book),
    stats: computed((): Stats | undefined => data.value?.stats),
    problem,
    loading,
    reload,
    busy,
    move,
  }
}
