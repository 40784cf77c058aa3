import { computed, ref, shallowRef } from 'vue'
import { ApiError, describe } from '@/api/client'

/**
 * The sending of a form: whether it is on its way, and why it was refused. What is wrong with a
 * field that the form has, by its JSON pointer, is for that field to say; the rest is `refusal`.
 */
export function useForm(pointers: string[]) {
  const busy = ref(false)
  const failure = shallowRef<unknown>()
  const fault = (pointer: string) =>
    failure.value instanceof ApiError ? failure.value.fault(pointer) : ''
  const refusal = computed(() =>
    failure.value === undefined || pointers.some(fault) ? '' : describe(failure.value),
  )

  async function send(what: () => Promise<void>): Promise<void> {
    if (busy.value) return
    busy.value = true
    failure.value = undefined
    try {
      await what()
    } catch (error) {
      failure.value = error
    } finally {
      busy.value = false
    }
  }

  return { busy, fault, refusal, send, clear: () => (failure.value = undefined) }
}
