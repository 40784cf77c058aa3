import { onScopeDispose } from 'vue'

/** Calls `work` every so often for as long as somebody can see the page. */
export function useInterval(work: () => void, everyMs: number): void {
  const timer = setInterval(() => {
    if (!document.hidden) work()
  }, everyMs)
  onScopeDispose(() => clearInterval(timer))
}
