import { defineStore } from 'pinia'
import { computed, onScopeDispose, ref, type Ref } from 'vue'

/**
 * The service's clock. Countdowns run on it: the one of this device may be wrong, and only the
 * service's decides when a sale opens or a lock ends.
 */
export const useClock = defineStore('clock', () => {
  const ahead = ref(0)

  /** Sets the clock by the `now` of an answer that has just arrived. */
  function set(now: string): void {
    ahead.value = Date.parse(now) - Date.now()
  }

  return { ahead, set }
})

/** The present time in milliseconds, four times a second, for as long as the caller lives. */
export function useNow(): Readonly<Ref<number>> {
  const clock = useClock()
  const here = ref(Date.now())
  const timer = setInterval(() => (here.value = Date.now()), 250)
  onScopeDispose(() => clearInterval(timer))
  return computed(() => here.value + clock.ahead)
}
