import { describe, expect, it } from 'vitest'
import en from './en'
import es from './es'

type Node = string | { [key: string]: Node }

/** Every message of a catalogue, by its whole name. */
function messages(node: Node, name = ''): [string, string][] {
  if (typeof node === 'string') return [[name, node]]
  return Object.entries(node).flatMap(([key, below]) =>
    messages(below, name ? `${name}.${key}` : key),
  )
}

const catalogues = { en: Object.fromEntries(messages(en)), es: Object.fromEntries(messages(es)) }
const sources = Object.entries(
  import.meta.glob<string>('../**/*.{vue,ts}', { query: '?raw', import: 'default', eager: true }),
)
  .filter(([path]) => !/\.spec\.ts$|schema\.d\.ts$|^\.\/|\/locales\//.test(path))
  .map(([, text]) => text)
  .join('\n')

const valuesIn = (message: string) => [...new Set(message.match(/\{\w+\}/g))].sort()

describe('the catalogues', () => {
  it('say the same of the same things', () => {
    const values = (messages: Record<string, string>) =>
      Object.fromEntries(Object.entries(messages).map(([name, text]) => [name, valuesIn(text)]))
    expect(values(catalogues.es)).toEqual(values(catalogues.en))
  })

  it('have every message that is asked for', () => {
    const asked = [
      ...sources.matchAll(/(?:\bt|\$t)\(\s*'([\w.]+)'/g),
      ...sources.matchAll(/(?:keypath="|\btitle: ')([a-z]\w*\.[\w.]+)["']/g),
    ].map(([, name]) => name!)
    expect(asked.length).toBeGreaterThan(400)
    expect(asked.filter((name) => !(name in catalogues.en))).toEqual([])
  })

  it('have no message that nobody asks for', () => {
    const unused = Object.keys(catalogues.en).filter((name) => {
      const parts = name.split('.')
      const groups = parts.slice(1).map((_, i) => '`' + parts.slice(0, i + 1).join('.') + '.${')
      return ![`'${name}'`, `"${name}"`, ...groups].some((use) => sources.includes(use))
    })
    expect(unused).toEqual([])
  })
})
