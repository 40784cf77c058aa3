import { ApiError } from '@/api/client'

/** Whether the service is one to show: the page is marked then. See SHOWCASE in docs/operations.md. */
export const showcase = document.documentElement.hasAttribute('data-showcase')

/** An answer as the API gave it. */
export const answerOf = (error: unknown) =>
  error instanceof ApiError
    ? `${error.status}\n${JSON.stringify(error.problem, null, 2)}`
    : String(error)
