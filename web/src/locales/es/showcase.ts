export const showcase = {
  title: 'Lo que las reglas rechazan aquí',
  text: 'Una demostración lo ofrece de todos modos, para que veas la respuesta de la API.',
  allowed: 'Se permitió: las reglas han cambiado desde que se leyó la página.',
  claim: 'Pedir de todos modos',
  lock: 'Bloquearlo',
  redeem: 'Canjearlo sin bloqueo',
  moves: { activate: 'Activarlo', pause: 'Ponerlo en pausa', close: 'Cerrarlo' },
  cancel: 'Cancelarla',
  retry: 'Intentarla de nuevo',
}
