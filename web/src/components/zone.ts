import type { ComputedRef, InjectionKey } from 'vue'

/** The time zone of the book that a page is about. */
export const bookZone: InjectionKey<ComputedRef<string | undefined>> = Symbol('book zone')
