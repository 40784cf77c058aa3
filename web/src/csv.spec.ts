import { expect, it } from 'vitest'
import { codeColumns, guessColumns, isHeader, memberColumns, readHead } from './csv'

const file = (text: string) => new File([text], 'codes.csv')

it.each([
  ['Coupon code;Shop;Limit\nA-1;Sol;2\n', 'semicolon', ['code', '-', 'max_redemptions']],
  [
    'code,metadata.Shop,email,user\nA-1,Sol,a@b.c,x\n',
    'comma',
    ['code', 'metadata.Shop', 'user', '-'],
  ],
  ['A-1\tSol\nA-2\tSur\n', 'tab', ['code', '-']],
  ['\uFEFFcode\r\nA-1\r\n', 'comma', ['code']],
  ['A-1\n', 'comma', ['code']],
])('reads the head of %j', async (text, delimiter, columns) => {
  const head = await readHead(file(text))
  expect(head.delimiter).toBe(delimiter)
  expect(guessColumns(head, codeColumns)).toEqual(columns)
})

it('reads no more than the beginning', async () => {
  const head = await readHead(file('A-1\n'.repeat(1_000_000)))
  expect(head.rows).toHaveLength(6)
})

it('knows a header by the column of the codes', () => {
  expect(isHeader(['Codes', 'x'], codeColumns)).toBe(true)
  expect(isHeader(['email', 'x'], codeColumns)).toBe(false)
})

it('has nothing to guess in an empty file', async () => {
  expect(guessColumns(await readHead(file('')), codeColumns)).toEqual([])
})

it('finds the members in a file of people', async () => {
  const head = await readHead(file('Name;E-Mail;metadata.x\nAnn;ann@example.com;y\n'))
  expect(isHeader(head.rows[0] ?? [], memberColumns)).toBe(true)
  expect(guessColumns(head, memberColumns)).toEqual(['name', 'user', '-'])
})
