export const activity = {
  tab: 'Actividad',
  title: 'Qué ha pasado',
  granted: 'Cupones entregados',
  redeemed: 'Canjeados',
  refused: 'Solicitudes rechazadas',
  range: 'Periodo',
  day: '24 horas',
  week: '7 días',
  month: '30 días',
  nothing: 'Nada en este periodo.',
  chart:
    '{granted} cupones entregados, {redeemed} canjeados y {refused} solicitudes rechazadas entre {from} y {to}.',
}
