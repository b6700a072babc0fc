// Runs every test and closes with one line that counts them: `N passed, N failed`.
// Browser and GPU tests run in a pinned Chromium and on the software graphics driver that comes with it; where neither can be had, they fail.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { chromiumEnvironment } from './chromium.mjs'

const results = 'test-results'
mkdirSync(results, { recursive: true })
let passed = 0
let failed = 0
/** What failed, told once more at the end, where nothing has scrolled it away. */
const told = []

const filters = process.argv.slice(2)
const chromium = await chromiumEnvironment()
if (chromium === null)
  console.error(
    'No Chromium on this machine, and npm could not serve one: the browser and GPU tests will fail. Install one, or name it in CHROMIUM.',
  )

suite(
  'vitest',
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${join(results, 'vitest.json')}`,
    ...filters,
  ],
  join(results, 'vitest.json'),
  (report) => [report.numPassedTests, report.numFailedTests + report.numFailedTestSuites - countFailedFiles(report)],
  failedOfVitest,
)

if (filters.length === 0) {
  build()
  suite(
    'playwright',
    ['node_modules/@playwright/test/cli.js', 'test'],
    join(results, 'playwright.json'),
    (report) => [report.stats.expected, report.stats.unexpected + report.stats.flaky + (report.errors?.length ?? 0)],
    (report) => [...report.suites.flatMap(failedOfPlaywright), ...(report.errors ?? []).map((error) => `× ${beginning(error.message)}`)],
  )
}

for (const line of told) console.log(line)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)

/** Runs one suite, adds its counts and keeps what failed; a suite that dies without a report counts as one failure. */
function suite(name, args, reportPath, count, failures) {
  rmSync(reportPath, { force: true })
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...chromium } })
  if (!existsSync(reportPath)) {
    told.push(`× ${name} ended with code ${status} and no report`)
    failed += 1
    return
  }
  const report = JSON.parse(readFileSync(reportPath, 'utf8'))
  const [good, bad] = count(report)
  passed += good
  failed += bad === 0 && status !== 0 ? 1 : bad
  told.push(...failures(report))
  if (bad === 0 && status !== 0) told.push(`× ${name} ended with code ${status} though no test of it failed`)
}

function failedOfVitest(report) {
  return report.testResults.flatMap((file) => {
    const tests = file.assertionResults.filter((test) => test.status === 'failed')
    if (tests.length === 0 && file.status === 'failed') return [`× ${relative('.', file.name)}: ${beginning(file.message)}`]
    return tests.map((test) => `× ${relative('.', file.name)} › ${test.fullName}: ${beginning(test.failureMessages[0])}`)
  })
}

function failedOfPlaywright(suite) {
  return [
    ...(suite.specs ?? [])
      .filter((spec) => !spec.ok)
      .map((spec) => {
        const error = spec.tests.flatMap((test) => test.results.flatMap((result) => result.errors)).find((one) => one.message)
        return `× ${suite.file} › ${spec.title}: ${beginning(error?.message)}`
      }),
    ...(suite.suites ?? []).flatMap(failedOfPlaywright),
  ]
}

/** The first lines of a failure, without the colours of a terminal and the calls of the test runner. */
function beginning(message) {
  return stripVTControlCharacters(message ?? 'no message')
    .split('\n')
    .filter((line) => !line.includes('node_modules'))
    .slice(0, 12)
    .join('\n    ')
}

// A file that could not be loaded is a failure of its own; a file whose tests failed is already counted by its tests.
function countFailedFiles(report) {
  let suitesOfFailedTests = 0
  for (const file of report.testResults) {
    const titles = new Set()
    for (const test of file.assertionResults)
      if (test.status === 'failed')
        for (let depth = 0; depth <= test.ancestorTitles.length; depth++) titles.add(test.ancestorTitles.slice(0, depth).join('\u0000'))
    suitesOfFailedTests += titles.size
  }
  return Math.min(report.numFailedTestSuites, suitesOfFailedTests)
}

function build() {
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' })
  if (status !== 0) failed += 1
}
