import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { keepSession } from '@/api/renewal'
import App from '@/App.vue'
import { makeRouter, watchSession } from '@/router'
import '@/styles/app.css'
import '@/styles/reset.css'
import { vuetify } from '@/vuetify'

const app = createApp(App).use(createPinia()).use(vuetify)
const router = makeRouter()
watchSession(router)
keepSession()

app.use(router).mount('#app')
