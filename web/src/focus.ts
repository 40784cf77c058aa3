import type { Directive } from 'vue'

/**
 * Puts the cursor into a field that comes up, unless it has been put into another one meanwhile:
 * what begins as a code must not end as a password. Vuetify's `autofocus` takes the cursor some
 * time later, wherever it is by then.
 */
export const vFocus: Directive<HTMLElement, boolean | undefined> = {
  mounted(root, { value: wanted = true }) {
    const field = root.querySelector<HTMLElement>('input, textarea')
    if (!wanted || !field) return
    const before = document.activeElement
    const take = () => {
      const now = document.activeElement
      if (!field.isConnected || (now !== before && now?.matches('input, textarea'))) return
      field.focus({ preventScroll: true })
      requestAnimationFrame(take) // a dialog is invisible at first, and cannot have the focus
    }
    take()
  },
}
