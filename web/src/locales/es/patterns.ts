export const patterns = {
  preview: 'Vista previa',
  examples: 'Qué aspecto tienen',
  list: 'Ejemplos',
  possible: 'Códigos posibles',
  randomness: 'Aleatoriedad',
  bits: '{n} bits',
  guess: 'Acertar un código',
  once: 'una vez en {n} intentos',
  powers: {
    0: '{n} millones',
    1: '{n} mil millones',
    2: '{n} billones',
    3: '{n} mil billones',
    4: '{n} trillones',
  },
}
