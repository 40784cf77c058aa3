import { expect, it } from 'vitest'
import { emptyForm, formOf, requestOf } from './bookForm'
import { book } from './testing/network'

it('comes back as it was', () => {
  const before = book({ ends_at: '2027-01-01T12:00:00.000Z', max_assignments_per_user: null })
  const request = requestOf(formOf(before))
  expect(request).toMatchObject({
    name: 'Summer',
    starts_at: null,
    ends_at: '2027-01-01T12:00:00.000Z',
    lock_seconds: 300,
    max_assignments_per_user: null,
    ending_soon_seconds: 86_400,
  })
})

it('sends only what was changed', () => {
  const before = formOf(book({ ends_at: '2027-01-01T12:00:30Z' }))
  expect(requestOf({ ...before }, before)).toEqual({})
  expect(requestOf({ ...before, lockMinutes: 1, endsAt: '' }, before)).toEqual({
    lock_seconds: 60,
    ends_at: null,
  })
})

it('takes an emptied field for no limit', () => {
  const form = { ...emptyForm(), name: 'New', perPerson: '' as unknown as null }
  expect(requestOf(form).max_assignments_per_user).toBeNull()
})
