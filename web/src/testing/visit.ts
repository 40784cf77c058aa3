import { render } from '@testing-library/vue'
import { createPinia } from 'pinia'
import { createMemoryHistory } from 'vue-router'
import App from '@/App.vue'
import { i18n } from '@/i18n'
import { makeRouter, watchSession } from '@/router'
import { vuetify } from '@/vuetify'

/** Opens the app at a path, as a browser does that may have a session. */
export async function visit(path: string) {
  const router = makeRouter(createMemoryHistory())
  watchSession(router)
  const opened = render(App, { global: { plugins: [createPinia(), i18n, vuetify, router] } })
  await router.push(path)
  await router.isReady()
  return { ...opened, router }
}

const cookie = 'couponbook_csrf=double%20submit; Path=/'

/** Gives the browser the readable half of a session. */
export const openSession = () => void (document.cookie = cookie)
export const closeSession = () => void (document.cookie = `${cookie}; max-age=0`)
