import { computed, onScopeDispose, readonly, ref, shallowRef, type Ref } from 'vue'
import { describe, isPassing } from '@/api/client'
import { followJob, type Job } from '@/api/sales'
import { newKey } from '@/keys'

const retryAfterMs = 2_000
/** Between two looks at a job, should an answer come sooner than it was asked to. */
const lookAgainMs = 200

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * A job from its submit to its end. `run` submits it under a key that stays the same until an
 * answer came, so that a second try after a lost answer does not do the work twice; `follow` goes
 * on with one that was submitted before.
 */
export function useJob(ended: (job: Job) => void = () => {}) {
  const job = shallowRef<Job>()
  const problem = ref('')
  const busy = ref(false)
  const stopped = new AbortController()
  let key: string | undefined

  async function run(submit: (key: string) => Promise<Job>): Promise<void> {
    if (busy.value) return
    busy.value = true
    problem.value = ''
    job.value = undefined
    key ??= newKey()
    try {
      job.value = await submit(key)
      key = undefined
      await toItsEnd(job.value.id)
    } catch (error) {
      if (stopped.signal.aborted) return
      if (!isPassing(error)) key = undefined
      problem.value = describe(error)
    } finally {
      busy.value = false
    }
  }

  async function follow(id: string): Promise<void> {
    busy.value = true
    try {
      await toItsEnd(id)
    } catch (error) {
      if (!stopped.signal.aborted) problem.value = describe(error)
    } finally {
      busy.value = false
    }
  }

  /** A service that is away for a moment is waited for: the job goes on. */
  async function toItsEnd(id: string): Promise<void> {
    while (!job.value?.done) {
      stopped.signal.throwIfAborted()
      try {
        job.value = await followJob(id, stopped.signal)
        if (!job.value.done) await pause(lookAgainMs)
      } catch (error) {
        if (stopped.signal.aborted || !isPassing(error)) throw error
        await pause(retryAfterMs)
      }
    }
    ended(job.value)
  }

  /** Tells a job on its way something, and shows what it has become. */
  async function tell(steer: () => Promise<Job>): Promise<void> {
    problem.value = ''
    try {
      const steered = await steer()
      if (!job.value?.done) job.value = steered
    } catch (error) {
      problem.value = describe(error)
    }
  }

  function forget(): void {
    job.value = undefined
    problem.value = ''
    key = undefined
  }

  onScopeDispose(() => stopped.abort())
  return {
    job: readonly(job) as Readonly<Ref<Job | undefined>>,
    problem: readonly(problem),
    busy: readonly(busy),
    working: computed(() => busy.value && !!job.value),
    run,
    follow,
    tell,
    forget,
  }
}
