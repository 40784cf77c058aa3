import '@fontsource-variable/inter'
import '@fontsource-variable/jetbrains-mono'
import { createVuetify } from 'vuetify'
import { aliases, mdi } from 'vuetify/iconsets/mdi-svg'
import { en, es } from 'vuetify/locale'
import 'vuetify/styles'

/** The one place of colours, shapes and defaults. */
export const vuetify = createVuetify({
  icons: { defaultSet: 'mdi', aliases, sets: { mdi } },
  locale: { messages: { en, es } },
  theme: {
    defaultTheme: 'system',
    themes: {
      light: {
        dark: false,
        colors: {
          background: '#f6f4ef',
          surface: '#ffffff',
          primary: '#4a37c9',
          secondary: '#b3401c',
          success: '#17724a',
          warning: '#8a5a00',
          error: '#b3261e',
          info: '#2a5db0',
        },
        variables: { 'medium-emphasis-opacity': 0.72 },
      },
      dark: {
        dark: true,
        colors: {
          background: '#12131a',
          surface: '#1d1f29',
          primary: '#b7aeff',
          secondary: '#ffb59d',
          success: '#7ddaa8',
          warning: '#f5c26b',
          error: '#ffb4ab',
          info: '#a8c7ff',
        },
        variables: { 'medium-emphasis-opacity': 0.76 },
      },
    },
  },
  defaults: {
    VBtn: { rounded: 'lg', class: 'text-none' },
    VCard: { rounded: 'xl', flat: true },
    VTextField: { variant: 'outlined', color: 'primary' },
    VTextarea: { variant: 'outlined', color: 'primary' },
    VAutocomplete: { variant: 'outlined', color: 'primary' },
    VSelect: { variant: 'outlined', color: 'primary' },
    VCheckbox: { color: 'primary' },
    VAlert: { variant: 'tonal', rounded: 'lg' },
    VChip: { variant: 'tonal' },
  },
})
