// Runs every test and closes with one line that counts them: `N passed, N failed`.
// The browser suites need a Chromium; where the machine has none (and it cannot be installed without a question), they are left out by name.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const results = 'test-results'
mkdirSync(results, { recursive: true })
let passed = 0
let failed = 0

const filters = process.argv.slice(2)
suite('vitest', ['node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${join(results, 'vitest.json')}`, ...filters], join(results, 'vitest.json'), (report) => [report.numPassedTests, report.numFailedTests + report.numFailedTestSuites - countFailedFiles(report)])

if (filters.length === 0 && existsSync('playwright.config.ts')) {
  const chromium = findChromium()
  if (chromium) {
    build()
    suite('playwright', ['node_modules/@playwright/test/cli.js', 'test'], join(results, 'playwright.json'), (report) => [report.stats.expected, report.stats.unexpected + report.stats.flaky + (report.errors?.length ?? 0)], { CHROMIUM: chromium })
  } else console.log('The browser tests were not run: no Chromium on this machine (on Debian and Ubuntu: apt-get install chromium).')
}

console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)

/** Runs one suite and adds its counts; a suite that dies without a report counts as one failure. */
function suite(name, args, reportPath, count, extra = {}) {
  rmSync(reportPath, { force: true })
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...extra } })
  if (!existsSync(reportPath)) {
    console.error(`${name} ended with code ${status} and no report`)
    failed += 1
    return
  }
  const [good, bad] = count(JSON.parse(readFileSync(reportPath, 'utf8')))
  passed += good
  failed += bad === 0 && status !== 0 ? 1 : bad
}

// A file that could not be loaded is a failure of its own; a file whose tests failed is already counted by its tests.
function countFailedFiles(report) {
  let suitesOfFailedTests = 0
  for (const file of report.testResults) {
    const titles = new Set()
    for (const test of file.assertionResults) if (test.status === 'failed') for (let depth = 0; depth <= test.ancestorTitles.length; depth++) titles.add(test.ancestorTitles.slice(0, depth).join('\u0000'))
    suitesOfFailedTests += titles.size
  }
  return Math.min(report.numFailedTestSuites, suitesOfFailedTests)
}

function build() {
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' })
  if (status !== 0) failed += 1
}

function findChromium() {
  if (process.env.CHROMIUM && existsSync(process.env.CHROMIUM)) return process.env.CHROMIUM
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  for (const name of names) for (const folder of (process.env.PATH ?? '').split(':')) if (existsSync(join(folder, name))) return join(folder, name)
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return null
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' })
  spawnSync('apt-get', ['install', '-y', '-qq', 'chromium'], { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  return existsSync('/usr/bin/chromium') ? '/usr/bin/chromium' : null
}
