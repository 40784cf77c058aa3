export const service = {
  ok: 'Everything works',
  degraded: 'It works, but slower than usual',
  unavailable: 'It cannot work at the moment',
  checks: {
    postgres: 'PostgreSQL',
    redis: 'Redis',
    schema: 'Database schema',
  },
  again: 'Check again',
}
