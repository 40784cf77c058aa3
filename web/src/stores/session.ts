import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import { hasSession } from '@/api/renewal'
import { getMe, signIn, signOut, type Credentials, type User } from '@/api/session'

/** Who is signed in. */
export const useSession = defineStore('session', () => {
  const user = shallowRef<User>()
  /** Why it is not known who is signed in. */
  const trouble = shallowRef<unknown>()
  const known = ref(false)
  let asking: Promise<void> | undefined

  /** Asks once; later calls wait for the same answer. After a failure it asks again. */
  function know(): Promise<void> {
    if (known.value) return Promise.resolve()
    asking ??= ask().finally(() => (asking = undefined))
    return asking
  }

  async function ask(): Promise<void> {
    try {
      user.value = hasSession() ? await getMe() : undefined
      known.value = true
      trouble.value = undefined
    } catch (error) {
      trouble.value = error
    }
  }

  async function enter(credentials: Credentials): Promise<void> {
    user.value = await signIn(credentials)
    known.value = true
  }

  async function leave(): Promise<void> {
    await signOut()
    user.value = undefined
  }

  /** Takes note that the session is over; tells whether there was one. */
  function forget(): boolean {
    const was = user.value !== undefined
    user.value = undefined
    return was
  }

  return { user, trouble, know, enter, leave, forget }
})
