import type { Book, NewBook } from '@/api/books'

/** What a manager decides about a book, in the units of a form. */
export interface BookForm {
  name: string
  description: string
  startsAt: string // as an input of type datetime-local has it
  endsAt: string
  timeZone: string
  perPerson: number | null
  uses: number
  usesPerPerson: number | null
  requireLock: boolean
  lockMinutes: number
  rollbackHours: number
  validDays: number
  lowStockPercent: number
  endingSoonHours: number
}

const [minute, hour, day] = [60, 3600, 86_400]

export const emptyForm = (): BookForm => ({
  name: '',
  description: '',
  startsAt: '',
  endsAt: '',
  timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  perPerson: 1,
  uses: 1,
  usesPerPerson: null,
  requireLock: true,
  lockMinutes: 5,
  rollbackHours: 0,
  validDays: 0,
  lowStockPercent: 10,
  endingSoonHours: 24,
})

export const formOf = (book: Book): BookForm => ({
  name: book.name,
  description: book.description,
  startsAt: toInput(book.starts_at),
  endsAt: toInput(book.ends_at),
  timeZone: book.time_zone,
  perPerson: book.max_assignments_per_user,
  uses: book.max_redemptions,
  usesPerPerson: book.max_redemptions_per_user,
  requireLock: book.require_lock,
  lockMinutes: book.lock_seconds / minute,
  rollbackHours: book.rollback_window_seconds / hour,
  validDays: book.valid_for_seconds / day,
  lowStockPercent: book.low_stock_percent,
  endingSoonHours: book.ending_soon_seconds / hour,
})

/** What the form says; what was not changed in it is left as it is. */
export function requestOf(form: BookForm, before?: BookForm): NewBook {
  const all: NewBook = {
    name: form.name,
    description: form.description,
    starts_at: toInstant(form.startsAt),
    ends_at: toInstant(form.endsAt),
    time_zone: form.timeZone,
    max_assignments_per_user: numberOrNull(form.perPerson),
    max_redemptions: Number(form.uses),
    max_redemptions_per_user: numberOrNull(form.usesPerPerson),
    require_lock: form.requireLock,
    lock_seconds: Math.round(form.lockMinutes * minute),
    rollback_window_seconds: Math.round(form.rollbackHours * hour),
    valid_for_seconds: Math.round(form.validDays * day),
    low_stock_percent: Number(form.lowStockPercent),
    ending_soon_seconds: Math.round(form.endingSoonHours * hour),
  }
  if (!before) return all
  const old = requestOf(before)
  const changed = (name: string) => all[name as keyof NewBook] !== old[name as keyof NewBook]
  return Object.fromEntries(Object.entries(all).filter(([name]) => changed(name))) as NewBook
}

const numberOrNull = (value: number | string | null) =>
  value === null || value === '' ? null : Number(value)

const toInstant = (local: string) => (local ? new Date(local).toISOString() : null)

/** An instant as an input of type datetime-local shows it: in the reader's zone, to the minute. */
function toInput(iso: string | null): string {
  if (!iso) return ''
  const at = new Date(iso)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
