import { computed, onScopeDispose, readonly, ref, shallowRef } from 'vue'
import { describe, isPassing } from '@/api/client'
import type { Job } from '@/api/sales'
import { useJob } from './useJob'
import { newKey } from '@/keys'

type Send<O> = (
  file: File,
  options: O,
  key: string,
  sent: (part: number) => void,
  signal: AbortSignal,
) => Promise<Job>

/** A file on its way in: sent first, then a job that is followed to its end. */
export function useUpload<O extends object>(
  upload: Send<O>,
  accepted: (job: Job) => Promise<unknown>,
) {
  const { job, problem: lost, busy: following, follow, forget } = useJob()
  const sent = ref<number>()
  const refusal = ref('')
  const options = shallowRef<O>()
  let sending: AbortController | undefined
  let key = newKey()

  async function send(file: File, how: O): Promise<void> {
    sending = new AbortController()
    options.value = how
    refusal.value = ''
    forget()
    sent.value = 0
    try {
      const tell = (part: number) => (sent.value = part)
      const made = await upload(file, how, key, tell, sending.signal)
      key = newKey()
      sent.value = undefined
      await accepted(made)
      await follow(made.id)
    } catch (error) {
      if (!isPassing(error)) key = newKey()
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
