export const exports = {
  prefix: 'el código empieza por {prefix}',
  oneBatch: 'un lote',
  only: 'Solo estos: {parts}.',
  all: 'Todos los cupones del talonario.',
  title: 'Exportar como CSV',
  text: '{what} El archivo los muestra como son en un mismo instante. Que lo has hecho queda en el registro de auditoría.',
  making: 'Haciendo el archivo',
  made: '{n} códigos. El enlace termina el {when}.',
  download: 'Descargar',
  make: 'Hacer el archivo',
  state: 'estado {state}',
}
