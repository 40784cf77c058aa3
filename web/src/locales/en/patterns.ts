export const patterns = {
  preview: 'Preview',
  examples: 'What they look like',
  list: 'Examples',
  possible: 'Possible codes',
  randomness: 'Randomness',
  bits: '{n} bits',
  guess: 'Chance of guessing a code',
  once: 'once in {n} tries',
  powers: {
    0: '{n} million',
    1: '{n} billion',
    2: '{n} trillion',
    3: '{n} quadrillion',
    4: '{n} quintillion',
  },
}
