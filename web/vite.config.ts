import { fileURLToPath, URL } from 'node:url'
import vue from '@vitejs/plugin-vue'
import vuetify from 'vite-plugin-vuetify'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Where `npm run dev` sends what the API process serves. */
const api = process.env.COUPONBOOK_API ?? 'http://localhost:8080'

export default defineConfig({
  plugins: [vue(), vuetify()],
  resolve: { alias: { '@': here('./src') } },
  server: {
    proxy: { '/api': api, '/readyz': api, '/openapi.json': api, '/monitoring': api },
  },
  build: {
    rolldownOptions: { input: [here('./index.html'), here('./docs.html')] },
    // The API reference is one large library that only docs.html loads.
    chunkSizeWarningLimit: 1500,
  },
  test: {
    include: ['src/**/*.spec.ts'],
    environment: 'happy-dom',
    server: { deps: { inline: ['vuetify'] } },
    setupFiles: ['./src/testing/setup.ts'],
    restoreMocks: true,
    // A machine that has other work too is slow, not wrong.
    testTimeout: 30_000,
  },
})
