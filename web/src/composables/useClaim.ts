import { computed, onScopeDispose, ref, shallowRef } from 'vue'
import type { ApiError } from '@/api/client'
import { isPassing } from '@/api/client'
import { followJob, submitClaim, type Job } from '@/api/sales'
import { newKey } from '@/keys'
import { useKept } from './useKept'

/** What is kept of a claim under way: enough to find its outcome again after a reload. */
interface Ticket {
  key: string
  job?: string
}

export interface Refusal {
  code: string
  detail: string
}

export type Step = 'idle' | 'asking' | 'waiting' | 'won' | 'refused'

/** Between two looks, besides the second that the service itself waits for news. */
const pauseMs = 250

/** The longest pause between two tries while the connection is lost. */
const longestPauseMs = 5_000

/**
 * One person's claim of one sale: from the button to the code or the refusal, through reloads and
 * lost connections. The key makes a repeated request find the same job, so that nobody loses his
 * place, and nobody gets two.
 */
export function useClaim(book: string, user: string) {
  const ticket = useKept<Ticket>(`couponbook:claim:${user}:${book}`, localStorage)
  const job = shallowRef<Job>()
  const refused = shallowRef<Refusal>()
  const cutOff = ref(false)
  const asking = ref(false)
  const stop = new AbortController()

  const step = computed<Step>(() => {
    if (job.value?.status === 'succeeded') return 'won'
    if (refused.value) return 'refused'
    if (job.value) return 'waiting'
    return asking.value || ticket.value ? 'asking' : 'idle'
  })

  async function claim(): Promise<void> {
    if (asking.value) return
    job.value = undefined
    refused.value = undefined
    ticket.value = { key: newKey() }
    await follow()
  }

  async function follow(): Promise<void> {
    asking.value = true
    for (let pause = pauseMs; !stop.signal.aborted; await rest(pause)) {
      try {
        const found = await look(ticket.value!)
        ;[cutOff.value, pause] = [false, pauseMs]
        ticket.value = { key: ticket.value!.key, job: found.id }
        job.value = nearer(found)
        if (found.done) return finish(found.error ?? undefined)
      } catch (error) {
        if (stop.signal.aborted) return
        if (!isPassing(error)) return finish(refusalOf(error as ApiError))
        cutOff.value = true
        pause = Math.min(pause * 2, longestPauseMs)
      }
    }
  }

  const look = ({ key, job }: Ticket) =>
    job ? followJob(job, stop.signal) : submitClaim(book, key, stop.signal)

  /** A place in the queue only ever gets better; answers that overtook each other must not show. */
  function nearer(found: Job): Job {
    const before = job.value?.position
    if (found.position === null || before === null || before === undefined) return found
    return { ...found, position: Math.min(found.position, before) }
  }

  function finish(refusal: Refusal | undefined): void {
    asking.value = false
    refused.value = refusal
    if (refusal && !job.value?.done) ticket.value = undefined // there is no job to come back to
  }

  /** Forgets the outcome, for another try. */
  function reset(): void {
    ticket.value = undefined
    job.value = undefined
    refused.value = undefined
  }

  onScopeDispose(() => stop.abort())
  if (ticket.value) void follow()

  return { step, job, refused, cutOff, claim, reset }
}

const refusalOf = (error: ApiError): Refusal => ({
  code: error.problem.code ?? '',
  detail: error.message,
})

const rest = (ms: number) => new Promise((done) => setTimeout(done, ms))
