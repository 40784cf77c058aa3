import type { User } from '@/api/session'

export type UserAction =
  'changeRole' | 'reset' | 'signOut' | 'removeFactor' | 'disable' | 'enable' | 'erase'

/** What somebody is called: by name, else by e-mail, else by what the owner's own system says. */
export const nameOf = ({ name, email, external_id, id }: User) => name || email || external_id || id

export const allRoles: User['role'][] = ['user', 'manager', 'admin']
