import Papa from 'papaparse'

/** The beginning of a file, as the service will read it. */
export interface CSVHead {
  rows: string[][]
  delimiter: 'comma' | 'semicolon' | 'tab'
}

const delimiters: Record<string, CSVHead['delimiter']> = {
  ',': 'comma',
  ';': 'semicolon',
  '\t': 'tab',
}
const bytes = 64 * 1024

/** Reads the first rows of a file, however large it is. */
export async function readHead(file: File, rows = 6): Promise<CSVHead> {
  const text = (await file.slice(0, bytes).text()).replace(/^\uFEFF/, '')
  const parsed = Papa.parse<string[]>(text, {
    preview: rows,
    skipEmptyLines: true,
    delimitersToGuess: [',', ';', '\t'],
  })
  return { rows: parsed.data, delimiter: delimiters[parsed.meta.delimiter] ?? 'comma' }
}

const known: Record<string, string> = {
  code: 'code',
  codes: 'code',
  coupon: 'code',
  coupon_code: 'code',
  user: 'user',
  holder: 'user',
  user_id: 'user',
  email: 'user',
  external_id: 'user',
  max_redemptions: 'max_redemptions',
  limit: 'max_redemptions',
  starts_at: 'starts_at',
  expires_at: 'expires_at',
  ends_at: 'expires_at',
  metadata: 'metadata',
}

const nameOf = (cell: string) => cell.trim().toLowerCase().replaceAll(' ', '_')

/** Whether the first row says what the columns are. */
export const isHeader = (cells: string[]) => cells.some((cell) => known[nameOf(cell)] === 'code')

/** What the columns seem to be: by the header, else the first one has the codes. */
export function guessColumns(head: CSVHead): string[] {
  const first = head.rows[0] ?? []
  if (!isHeader(first)) return first.map((_, i) => (i === 0 ? 'code' : '-'))
  const taken = new Set<string>()
  return first.map((cell) => {
    const name = /^metadata\.\S/.test(cell.trim()) ? cell.trim() : (known[nameOf(cell)] ?? '-')
    if (taken.has(name) && name !== '-') return '-'
    taken.add(name)
    return name
  })
}
