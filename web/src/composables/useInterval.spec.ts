import { effectScope } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { useInterval } from './useInterval'

describe('useInterval', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('works on time, rests while the page is hidden, and ends with its owner', () => {
    const work = vi.fn()
    const scope = effectScope()
    scope.run(() => useInterval(work, 1000))
    vi.advanceTimersByTime(2000)
    expect(work).toHaveBeenCalledTimes(2)

    const hidden = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true)
    vi.advanceTimersByTime(5000)
    expect(work).toHaveBeenCalledTimes(2)

    hidden.mockReturnValue(false)
    vi.advanceTimersByTime(1000)
    expect(work).toHaveBeenCalledTimes(3)

    scope.stop()
    vi.advanceTimersByTime(5000)
    expect(work).toHaveBeenCalledTimes(3)
  })
})
