import '@testing-library/jest-dom/vitest'
import { cleanup, configure } from '@testing-library/vue'
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest'
import { network } from './network'
import { closeSession, openSession } from './visit'

configure({ asyncUtilTimeout: 20_000 }) // pages are loaded when they are first shown
vi.stubGlobal('visualViewport', new EventTarget()) // Vuetify's menus ask; happy-dom has none

beforeAll(() => network.listen({ onUnhandledRequest: 'error' }))
beforeEach(openSession)
afterEach(() => {
  cleanup()
  closeSession()
  localStorage.clear()
  sessionStorage.clear()
  network.resetHandlers()
})
afterAll(() => network.close())
