import { readonly, ref, shallowReadonly, shallowRef } from 'vue'
import { describe } from '@/api/client'
import { getMe, signIn, signOut, type Credentials, type User } from '@/api/session'
import { useLoad } from './useLoad'

/** Who is signed in, and the two ways to change that, one at a time. Both resolve to whether it worked. */
export function useSession() {
  const user = shallowRef<User>()
  const busy = ref(false)
  const refusal = ref('')
  const known = useLoad(async (signal) => {
    user.value = await getMe(signal)
    return true
  })

  async function change(next: () => Promise<User | undefined>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    refusal.value = ''
    try {
      user.value = await next()
      return true
    } catch (error) {
      refusal.value = describe(error)
      return false
    } finally {
      busy.value = false
    }
  }

  return {
    user: shallowReadonly(user),
    busy: readonly(busy),
    refusal: readonly(refusal),
    known: known.data,
    error: known.error,
    loading: known.loading,
    reload: known.reload,
    enter: (credentials: Credentials) => change(() => signIn(credentials)),
    leave: () =>
      change(async () => {
        await signOut()
        return undefined
      }),
  }
}
