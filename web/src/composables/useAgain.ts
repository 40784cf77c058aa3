import { onScopeDispose } from 'vue'

/** Does something again and again while the page is looked at, and never twice at once. */
export function useAgain(everyMs: number, what: () => Promise<void>): void {
  let busy = false
  const timer = setInterval(() => {
    if (document.hidden || busy) return
    busy = true
    void what().finally(() => (busy = false))
  }, everyMs)
  onScopeDispose(() => clearInterval(timer))
}
