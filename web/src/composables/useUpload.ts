import { computed, onScopeDispose, readonly, ref, shallowRef } from 'vue'
import { describe, isPassing } from '@/api/client'
import { uploadCodes, type UploadOptions } from '@/api/codes'
import type { Job } from '@/api/sales'
import { useJob } from './useJob'

/** A file on its way into a book: sent first, then a job that is followed to its end. */
export function useUpload(book: string, accepted: (job: Job) => Promise<unknown>) {
  const { job, problem: lost, busy: following, follow, forget } = useJob()
  const sent = ref<number>()
  const refusal = ref('')
  const options = shallowRef<UploadOptions>({})
  let sending: AbortController | undefined
  let key = crypto.randomUUID()

  async function send(file: File, how: UploadOptions): Promise<void> {
    sending = new AbortController()
    options.value = how
    refusal.value = ''
    forget()
    sent.value = 0
    try {
      const tell = (part: number) => (sent.value = part)
      const made = await uploadCodes(book, file, how, key, tell, sending.signal)
      key = crypto.randomUUID()
      sent.value = undefined
      await accepted(made)
      await follow(made.id)
    } catch (error) {
      if (!isPassing(error)) key = crypto.randomUUID()
      if (!sending.signal.aborted) refusal.value = describe(error)
    } finally {
      sent.value = undefined
    }
  }

  /** Stops sending; nothing of the file stays. */
  const stop = () => sending?.abort()
  onScopeDispose(stop)

  return {
    job,
    follow,
    /** How much of the file has gone, from 0 to 1; undefined when none is being sent. */
    sent: readonly(sent),
    options: readonly(options),
    problem: computed(() => refusal.value || lost.value),
    busy: computed(() => sent.value !== undefined || following.value),
    send,
    stop,
  }
}
