import { computed, onScopeDispose, readonly, ref, shallowReadonly, shallowRef } from 'vue'
import { describe } from '@/api/client'

/**
 * Loads at once and again on `reload()`. The newest load wins: it cancels the one before it,
 * and whatever that one still answers is dropped.
 *
 * Data and problem stay until the next answer, so that a page does not flicker while it reloads;
 * `problem`, a sentence to show, belongs to the newest answer, `data` to the newest good one.
 */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>) {
  const data = shallowRef<T>()
  const error = shallowRef<unknown>()
  const loading = ref(false)
  let newest: AbortController | undefined

  async function reload(): Promise<void> {
    newest?.abort()
    const mine = new AbortController()
    newest = mine
    loading.value = true
    try {
      const answer = await load(mine.signal)
      if (newest !== mine) return
      data.value = answer
      error.value = undefined
    } catch (cause) {
      if (newest === mine) error.value = cause
    } finally {
      if (newest === mine) loading.value = false
    }
  }

  onScopeDispose(() => {
    newest?.abort()
    newest = undefined
  })
  void reload()

  return {
    data: shallowReadonly(data),
    problem: computed(() => (error.value === undefined ? '' : describe(error.value))),
    loading: readonly(loading),
    reload,
  }
}
