// Finds the browser of the tests: CHROMIUM_PATH, else one that is installed,
// else the one of an npm package, which needs nothing from the system.
import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const places = [
  ...(process.env.PATH ?? '').split(delimiter).flatMap((dir) => names.map((n) => join(dir, n))),
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]
const unpacked = fileURLToPath(new URL('node_modules/.chromium', import.meta.url))
const fontList = join(unpacked, 'fonts.conf')
const packageFits = process.platform === 'linux' && process.arch === 'x64'

/** @returns {{ executablePath: string, env?: Record<string, string> }} Playwright's launch options */
export function findChromium() {
  const installed = process.env.CHROMIUM_PATH || places.find(runs)
  if (installed) {
    if (!runs(installed)) throw new Error(`CHROMIUM_PATH is ${installed}: no program is there`)
    return { executablePath: installed }
  }
  const executablePath = join(unpacked, 'chromium')
  if (!existsSync(executablePath)) {
    throw new Error(
      'no Chromium or Chrome is found: install one (Debian: chromium), or name it with CHROMIUM_PATH',
    )
  }
  const env = {
    ...process.env,
    LD_LIBRARY_PATH: join(unpacked, 'al2023', 'lib'),
    FONTCONFIG_FILE: fontList,
  }
  return { executablePath, env }
}

/** @param {string} path */
function runs(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Unpacks the package's browser, unless one is installed. */
async function unpack() {
  if (places.some(runs) || !packageFits) return
  mkdirSync(unpacked, { recursive: true })
  process.env.TMPDIR = unpacked // where the package puts things
  process.env.AWS_LAMBDA_JS_RUNTIME = 'nodejs22.x' // with the libraries that bare machines lack
  const { default: chromium } = await import('@sparticuz/chromium')
  await chromium.executablePath()
  // The package's own list names the places of a cloud function.
  const dirs = [join(unpacked, 'fonts'), '/usr/share/fonts'].map((dir) => `<dir>${dir}</dir>`)
  const cache = `<cachedir>${join(unpacked, 'font-cache')}</cachedir>`
  writeFileSync(fontList, `<fontconfig>${dirs.join('')}${cache}</fontconfig>\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await unpack()
