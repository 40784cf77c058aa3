import { computed, onScopeDispose, ref, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'

/** Long enough to type the next letter, short enough to seem at once. */
const quietMs = 250

/** What is typed to search, which goes into the address once the typing stops. */
export function useSearch(name: string) {
  const route = useRoute()
  const router = useRouter()
  const read = () => {
    const value = route.query[name]
    return typeof value === 'string' && value ? value : undefined
  }
  const text = ref(read() ?? '')
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(text, (typed) => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      void router.replace({ query: { ...route.query, [name]: typed.trim() || undefined } })
    }, quietMs)
  })
  onScopeDispose(() => clearTimeout(timer))
  return { text, asked: computed(read) }
}
