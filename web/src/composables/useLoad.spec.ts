import { effectScope } from 'vue'
import { describe, expect, it } from 'vitest'
import { useLoad } from './useLoad'

interface Call {
  signal: AbortSignal
  resolve: (answer: string) => void
  reject: (cause: Error) => void
}

/** A load in a scope of its own, whose answers the test gives by hand and in any order. */
function start() {
  const calls: Call[] = []
  const scope = effectScope()
  const loaded = scope.run(() =>
    useLoad<string>(
      (signal) => new Promise((resolve, reject) => calls.push({ signal, resolve, reject })),
    ),
  )!
  return { calls, loaded, scope }
}

/** Lets everything that was answered arrive. */
const settle = () => new Promise((done) => setTimeout(done))

describe('useLoad', () => {
  it('loads at once', async () => {
    const { calls, loaded } = start()
    expect(loaded.loading.value).toBe(true)
    calls[0]?.resolve('first')
    await settle()
    expect(loaded.data.value).toBe('first')
    expect(loaded.loading.value).toBe(false)
  })

  it('drops the answer of an older load that comes late', async () => {
    const { calls, loaded } = start()
    void loaded.reload()
    expect(calls[0]?.signal.aborted).toBe(true)
    calls[1]?.resolve('newer')
    await settle()
    calls[0]?.resolve('older')
    await settle()
    expect(loaded.data.value).toBe('newer')
  })

  it('keeps the data beside a problem, and forgets the problem with the next answer', async () => {
    const { calls, loaded } = start()
    calls[0]?.resolve('good')
    await settle()
    void loaded.reload()
    calls[1]?.reject(new Error('lost'))
    await settle()
    expect(loaded.data.value).toBe('good')
    expect(loaded.problem.value).toContain('cannot be reached')

    void loaded.reload()
    calls[2]?.resolve('better')
    await settle()
    expect(loaded.data.value).toBe('better')
    expect(loaded.problem.value).toBe('')
  })

  it('cancels when its owner goes away', async () => {
    const { calls, loaded, scope } = start()
    scope.stop()
    expect(calls[0]?.signal.aborted).toBe(true)
    calls[0]?.reject(new Error('aborted'))
    await settle()
    expect(loaded.problem.value).toBe('')
  })
})
