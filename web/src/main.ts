import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from '@/App.vue'
import { onSessionEnded } from '@/api/client'
import { makeRouter } from '@/router'
import { useNotices } from '@/stores/notices'
import { useSession } from '@/stores/session'
import '@/styles/app.css'
import '@/styles/reset.css'
import { vuetify } from '@/vuetify'

const app = createApp(App).use(createPinia()).use(vuetify)
const router = makeRouter()

onSessionEnded(() => {
  if (!useSession().forget()) return
  useNotices().warn('Your session has ended. Sign in to go on.')
  void router.push({ name: 'sign-in', query: { next: router.currentRoute.value.fullPath } })
})

app.use(router).mount('#app')
