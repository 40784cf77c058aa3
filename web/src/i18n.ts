import { createI18n } from 'vue-i18n'
import en from '@/locales/en'

/** What the app says: the English catalogue has the shape of all. */
export type Messages = Shape<typeof en>
type Shape<T> = { [K in keyof T]: T[K] extends string ? string : Shape<T[K]> }

export type Language = 'en' | 'es'
export const languages: Record<Language, string> = { en: 'English', es: 'Español' }

const datetimes = {
  hour: { hour: 'numeric', minute: '2-digit' },
  day: { month: 'short', day: 'numeric' },
  long: { dateStyle: 'medium', timeStyle: 'short' },
} as const

/** What the app says, and how it writes numbers and times. */
export const i18n = createI18n<[Messages], Language, false>({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  messages: { en, es: {} as Messages },
  datetimeFormats: { en: datetimes, es: datetimes },
})

/** The language that is spoken; reading it in a template follows its changes. */
export const spoken = () => i18n.global.locale.value

/** Reads the words of a language, and speaks it from now on. */
export async function speak(language: Language): Promise<void> {
  if (language === 'es') i18n.global.setLocaleMessage('es', (await import('@/locales/es')).default)
  i18n.global.locale.value = language
  document.documentElement.lang = language
}

const place = 'couponbook:language'

/** The language that was chosen, else the first of the reader's that we speak. */
export function preferred(): Language {
  const wanted = [localStorage.getItem(place) ?? '', ...navigator.languages]
  const known = wanted.map((tag) => tag.slice(0, 2)).find((tag) => tag in languages)
  return (known ?? 'en') as Language
}

/** Chooses a language for good. Words that stand on the page are read anew with it. */
export function choose(language: Language): void {
  localStorage.setItem(place, language)
  location.reload()
}
