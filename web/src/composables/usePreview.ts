import { onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { ApiError, describe } from '@/api/client'
import { previewCodes, type Format, type Preview } from '@/api/codes'

const pauseMs = 250

/** What a format makes, asked for whenever it has not changed for a moment. */
export function usePreview(format: Ref<Format>) {
  const preview = shallowRef<Preview>()
  const problem = ref('')
  const failure = shallowRef<ApiError>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let newest: AbortController | undefined

  async function ask(): Promise<void> {
    const mine = new AbortController()
    newest = mine
    try {
      const answer = await previewCodes(format.value, mine.signal)
      if (newest !== mine) return
      preview.value = answer
      problem.value = answer.problem ?? ''
      failure.value = undefined
    } catch (error) {
      if (newest !== mine) return
      preview.value = undefined
      failure.value = error instanceof ApiError ? error : undefined
      problem.value = describe(error)
    }
  }

  function stop(): void {
    clearTimeout(timer)
    newest?.abort()
    newest = undefined
  }

  watch(
    format,
    () => {
      stop()
      timer = setTimeout(() => void ask(), pauseMs)
    },
    { deep: true },
  )
  onScopeDispose(stop)
  void ask()
  return { preview, problem, failure }
}
