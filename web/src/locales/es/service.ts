export const service = {
  ok: 'Todo funciona',
  degraded: 'Funciona, pero más despacio de lo normal',
  unavailable: 'Ahora no puede trabajar',
  checks: {
    postgres: 'PostgreSQL',
    redis: 'Redis',
    schema: 'Esquema de la base de datos',
  },
  again: 'Comprobar de nuevo',
}
