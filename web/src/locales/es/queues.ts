export const queues = {
  title: 'Colas',
  monitor: 'Monitor de colas',
  queue: 'Cola',
  waiting: 'En espera',
  oldest: 'La más antigua',
  running: 'En marcha',
  pace: 'Por segundo',
  failed: 'Fallidas',
  tasks: 'Tareas en Redis',
  tasksOf: '{pending} pendientes, {active} activas',
  away: 'Redis no responde: el trabajo sigue algo más despacio y no se pierde nada.',
  explained:
    'Lo que espera y lo que está en marcha se cuenta en la base de datos. Redis solo despierta a los workers: una tarea que se pierde allí retrasa el trabajo un segundo.',
  names: {
    assignments: 'Solicitudes',
    codes: 'Códigos y archivos',
    distributions: 'Repartos',
    webhooks: 'Webhooks',
  },
  works: {
    assignments: 'Uno o pocos cupones, para alguien que espera',
    codes: 'Hacer, subir, exportar y anular códigos, importar miembros',
    distributions: 'Cupones para grupos enteros, y recuperaciones',
    webhooks: 'Mensajes a tus servidores',
  },
}
