import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { keepSession } from '@/api/renewal'
import App from '@/App.vue'
import { i18n, preferred, speak } from '@/i18n'
import { makeRouter, watchSession } from '@/router'
import '@/styles/app.css'
import '@/styles/reset.css'
import { vuetify } from '@/vuetify'

const language = preferred()
await speak(language)
vuetify.locale.current.value = language

const app = createApp(App).use(createPinia()).use(i18n).use(vuetify)
const router = makeRouter()
watchSession(router)
keepSession()

app.use(router).mount('#app')
