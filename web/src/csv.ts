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

/** What the columns of a kind of files are called; the first one must be there. */
export interface Columns {
  first: string
  known: Record<string, string>
  metadata?: boolean
}

export const codeColumns: Columns = {
  first: 'code',
  metadata: true,
  known: {
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
  },
}

export const memberColumns: Columns = {
  first: 'user',
  known: {
    user: 'user',
    users: 'user',
    member: 'user',
    user_id: 'user',
    id: 'user',
    email: 'user',
    'e-mail': 'user',
    mail: 'user',
    external_id: 'user',
    customer: 'user',
    customer_id: 'user',
    name: 'name',
    full_name: 'name',
  },
}

const nameOf = (cell: string) => cell.trim().toLowerCase().replaceAll(' ', '_')

/** Whether the first row says what the columns are. */
export const isHeader = (cells: string[], { first, known }: Columns) =>
  cells.some((cell) => known[nameOf(cell)] === first)

/** What the columns seem to be: by the header, else the first one matters. */
export function guessColumns(head: CSVHead, columns: Columns): string[] {
  const cells = head.rows[0] ?? []
  if (!isHeader(cells, columns)) return cells.map((_, i) => (i === 0 ? columns.first : '-'))
  const taken = new Set<string>()
  return cells.map((cell) => {
    const kept = columns.metadata && /^metadata\.\S/.test(cell.trim())
    const name = kept ? cell.trim() : (columns.known[nameOf(cell)] ?? '-')
    if (taken.has(name) && name !== '-') return '-'
    taken.add(name)
    return name
  })
}
