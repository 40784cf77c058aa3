import { customRef, type Ref } from 'vue'

/** A value that survives a reload of the page; undefined where there is none. */
export function useKept<T>(key: string, storage: Storage): Ref<T | undefined> {
  let value = read<T>(key, storage)
  return customRef((track, trigger) => ({
    get() {
      track()
      return value
    },
    set(next) {
      value = next
      if (next === undefined) storage.removeItem(key)
      else storage.setItem(key, JSON.stringify(next))
      trigger()
    },
  }))
}

function read<T>(key: string, storage: Storage): T | undefined {
  try {
    return JSON.parse(storage.getItem(key) ?? '') as T
  } catch {
    return undefined
  }
}
