// `node bench/mutants.ts AREA... [--count N] [--seed N] [--only FILE]`: makes random mutants of the sources of these areas (folders of
// src-main), runs those of the area's own tests that reach the mutated statement, and prints which mutants were killed. Tests of other areas
// would kill more of them, slower; an area is to be held by its own. One mutant is one small change that still has the right types: an
// operator, a comparison, a constant, a branch, a statement taken out. Works in a copy of the working tree, so that nothing here is touched;
// takes the time of the area's tests, in which every test notes the mutants that it reaches, and then seconds a mutant. Whether a survivor
// does the same as the original is for its reader to say.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { parseArgs } from 'node:util'
import ts from 'typescript'
import { createRng } from '../src-main/numeric/rng.ts'

const root = resolve(import.meta.dirname, '..')
/** Tests that speak of an area though they lie elsewhere. */
const OWN_TESTS: Readonly<Record<string, readonly string[]>> = {
  rl: ['test/rl/', 'test/episodes/'],
  episodes: ['test/episodes/', 'test/rl/'],
  numeric: ['test/numeric/'],
  store: ['test/store/', 'test/lab/badRows.test.ts', 'test/lab/follow.test.ts'],
  data: ['test/data/', 'test/lab/follow.test.ts', 'test/lab/importInto.test.ts'],
  lab: [
    'test/lab/',
    'test/served/',
    'test/cluster/overRay.test.ts',
    'test/model/layered.test.ts',
    'test/cli/models.test.ts',
    'test/layout/starterPage.test.ts',
  ],
}
/** Time that the quickest tests may take together, and the others. */
const QUICK_MS = 3000
const SLOW_MS = 90_000
const WHOLE_MS = 2_400_000
/** After so much more than they take without a mutant, tests are taken never to end. */
const limitOf = (tests: readonly Test[]): number => Math.round(45_000 + 5 * tests.reduce((sum, { ms }) => sum + ms, 0))

interface Mutant {
  readonly file: string
  readonly start: number
  readonly end: number
  readonly text: string
  readonly was: string
  readonly line: number
}

const BINARY: Readonly<Partial<Record<ts.SyntaxKind, readonly string[]>>> = {
  [ts.SyntaxKind.LessThanToken]: ['<=', '>='],
  [ts.SyntaxKind.LessThanEqualsToken]: ['<', '>'],
  [ts.SyntaxKind.GreaterThanToken]: ['>=', '<='],
  [ts.SyntaxKind.GreaterThanEqualsToken]: ['>', '<'],
  [ts.SyntaxKind.EqualsEqualsEqualsToken]: ['!=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken]: ['==='],
  [ts.SyntaxKind.PlusToken]: ['-'],
  [ts.SyntaxKind.MinusToken]: ['+'],
  [ts.SyntaxKind.AsteriskToken]: ['/'],
  [ts.SyntaxKind.SlashToken]: ['*'],
  [ts.SyntaxKind.AsteriskAsteriskToken]: ['*'],
  [ts.SyntaxKind.PercentToken]: ['*'],
  [ts.SyntaxKind.AmpersandAmpersandToken]: ['||'],
  [ts.SyntaxKind.BarBarToken]: ['&&'],
  [ts.SyntaxKind.PlusEqualsToken]: ['-='],
  [ts.SyntaxKind.MinusEqualsToken]: ['+='],
}
const CALLS: Readonly<Record<string, string>> = { min: 'max', max: 'min', floor: 'ceil', ceil: 'floor', some: 'every', every: 'some' }

/** Every mutant of a file. Additions of text, and what only says something (messages, types), are left alone. */
function mutantsOf(source: ts.SourceFile, checker: ts.TypeChecker): Mutant[] {
  const found: Mutant[] = []
  const file = relative(root, source.fileName).split(sep).join('/')
  const add = (node: { getStart(): number; getEnd(): number }, text: string): void => {
    const [start, end] = [node.getStart(), node.getEnd()]
    found.push({ file, start, end, text, was: source.text.slice(start, end), line: source.getLineAndCharacterOfPosition(start).line + 1 })
  }
  const isNumber = (node: ts.Expression): boolean => (checker.getTypeAtLocation(node).flags & ts.TypeFlags.NumberLike) !== 0
  function visit(node: ts.Node): void {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return
    // What a person is told is held by tests of another kind.
    if (ts.isTemplateExpression(node)) return
    if (ts.isBinaryExpression(node)) {
      const sums = node.operatorToken.kind === ts.SyntaxKind.PlusToken || node.operatorToken.kind === ts.SyntaxKind.PlusEqualsToken
      if (!sums || (isNumber(node.left) && isNumber(node.right)))
        for (const other of BINARY[node.operatorToken.kind] ?? []) add(node.operatorToken, other)
    } else if (ts.isNumericLiteral(node)) {
      add(node, node.text === '0' ? '1' : `(${node.getText()} + 1)`)
    } else if (node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword)
      add(node, node.kind === ts.SyntaxKind.TrueKeyword ? 'false' : 'true')
    else if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) add(node, node.operand.getText())
    else if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.MinusToken) add(node, node.operand.getText())
    else if (ts.isConditionalExpression(node)) {
      add(node.condition, 'true')
      add(node.condition, 'false')
    } else if (ts.isIfStatement(node)) {
      add(node.expression, 'false')
      add(node.expression, 'true')
    } else if (ts.isExpressionStatement(node)) add(node, ';')
    else if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { text } = node.expression.name
      if (Object.hasOwn(CALLS, text)) add(node.expression.name, CALLS[text]!)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

const allFiles = ['src-main', 'src-preload', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .map((entry) => join(folder, String(entry)).split(sep).join('/'))
    .filter((path) => path.endsWith('.ts')),
)

/** Tests of an area from which its sources can be reached, by what files name. */
function testsOf(area: string): readonly string[] {
  const users = new Map<string, string[]>()
  for (const file of allFiles)
    for (const [, specifier] of readFileSync(join(root, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
      const named = relative(root, resolve(root, dirname(file), specifier!))
        .split(sep)
        .join('/')
      users.set(named, [...(users.get(named) ?? []), file])
    }
  const reached = new Set(allFiles.filter((path) => path.startsWith(`src-main/${area}/`)))
  for (const file of reached) for (const user of users.get(file) ?? []) reached.add(user)
  return [...reached].filter((path) => path.endsWith('.test.ts') && OWN_TESTS[area]!.some((folder) => path.startsWith(folder))).sort()
}

/** A copy in which tests run as they do here. */
function copyTree(into: string): void {
  for (const folder of ['src-main', 'src-preload', 'src-renderer', 'test', 'resources', 'docs', 'scripts', 'bench', 'cluster'])
    cpSync(join(root, folder), join(into, folder), { recursive: true })
  for (const file of ['package.json', 'tsconfig.json', 'tsconfig.node.json', 'vitest.config.ts']) cpSync(join(root, file), join(into, file))
  for (const folder of ['node_modules', 'tools', 'native', 'out'])
    if (existsSync(join(root, folder))) symlinkSync(join(root, folder), join(into, folder), 'dir')
  writeFileSync(
    join(into, CONFIG),
    `import { mergeConfig } from 'vitest/config'
import own from './vitest.config.ts'
import chosen from './${CHOSEN}' with { type: 'json' }
export default mergeConfig(own, { test: chosen })
`,
  )
}
const CONFIG = 'mutants.config.ts'
const CHOSEN = 'mutants.chosen.json'
const SETUP = 'mutants.setup.ts'

interface Test {
  readonly file: string
  readonly name: string
  readonly ms: number
}
const keyOf = ({ file, name }: Pick<Test, 'file' | 'name'>): string => `${file}\n${name}`

interface Outcome {
  readonly passes: boolean
  /** The end of what was said. */
  readonly said: string
  readonly tests: readonly (Test & { readonly failed: boolean })[]
}

/**
 * Runs these tests until one fails; never to end is to fail. Files share their modules, which saves half the time; those that put others in their place run
 * apart, each with its own: they would find what a file before them has loaded.
 */
function runTests(folder: string, tests: readonly Test[]): Outcome {
  const apart = (file: string): boolean => readFileSync(join(folder, file), 'utf8').includes('vi.mock(')
  const ran: Outcome[] = []
  for (const isolate of [false, true]) {
    const chosen = tests.filter(({ file }) => apart(file) === isolate)
    if (chosen.length === 0) continue
    const files = [...new Set(chosen.map(({ file }) => file))]
    const testNamePattern = `^(?:${chosen.map(({ name }) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})$`
    const outcome = run(folder, files, limitOf(chosen), { testNamePattern, isolate })
    ran.push(outcome)
    if (!outcome.passes) break
  }
  return { passes: ran.every(({ passes }) => passes), said: ran.at(-1)!.said, tests: ran.flatMap((each) => each.tests) }
}

/** Runs the tests of files in the copy until one fails. */
function run(folder: string, files: readonly string[], limitMs: number, chosen: Readonly<Record<string, unknown>>): Outcome {
  const report = join(folder, 'mutants.report.json')
  rmSync(report, { force: true })
  writeFileSync(join(folder, CHOSEN), JSON.stringify(chosen))
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      `--config=${CONFIG}`,
      '--bail=1',
      '--maxWorkers=1',
      '--reporter=json',
      `--outputFile=${report}`,
      ...files,
    ],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      timeout: limitMs,
      killSignal: 'SIGKILL',
      env: { ...process.env, TMPDIR: scratch },
    },
  )
  const { testResults = [] } = (existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {}) as {
    testResults?: { name: string; message: string; assertionResults: Record<string, unknown>[] }[]
  }
  const tests = testResults.flatMap(({ name: path, assertionResults }) =>
    assertionResults
      .filter((each) => each.status === 'passed' || each.status === 'failed')
      .map(({ ancestorTitles, title, duration, status: is, failureMessages }) => ({
        file: relative(folder, path).split(sep).join('/'),
        name: [...(ancestorTitles as string[]), title as string].join(' > '),
        ms: (duration as number | undefined) ?? 0,
        failed: is === 'failed',
        message: String(failureMessages),
      })),
  )
  const said = [
    ...tests.flatMap(({ failed, name, message }) => (failed ? [name, message] : [])),
    ...testResults.map(({ message }) => message),
  ]
  return { passes: status === 0, said: `${said.join('\n')}\n${stdout}${stderr}`.slice(-4000), tests }
}

/** Few mutants live through the tests that take no time, so the others wait for what they leave. */
function stagesOf(tests: readonly Test[]): readonly (readonly Test[])[] {
  let spent = 0
  const quick = tests.filter(({ ms }) => (spent += ms) <= QUICK_MS)
  spent = 0
  const rest = tests.slice(quick.length).filter(({ ms }, at) => (spent += ms) <= SLOW_MS || at === 0)
  return [quick, rest].filter((stage) => stage.length > 0)
}

/** Where a note that the code of a mutant was reached is put: before its statement, or around the whole of a function that is one expression. */
function placeOf(source: ts.SourceFile, at: number): { readonly start: number; readonly end: number | null } | null {
  let place: { start: number; end: number | null } | null = null
  function visit(node: ts.Node): void {
    if (at < node.getStart(source) || at >= node.getEnd()) return
    if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) place = { start: node.body.getStart(source), end: node.body.getEnd() }
    else if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined)
      place = { start: (node.body as ts.Node).getStart(source) + 1, end: null }
    else if (
      place !== null &&
      ts.isStatement(node) &&
      !ts.isFunctionDeclaration(node) &&
      (ts.isBlock(node.parent) || ts.isCaseOrDefaultClause(node.parent))
    )
      place = { start: node.getStart(source), end: null }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return place
}

/** Writes the sources with notes of which mutants a test reaches; gives those that any test reaches by being loaded. */
function plantNotes(folder: string, chosen: readonly Mutant[], sources: ReadonlyMap<string, ts.SourceFile>): ReadonlySet<number> {
  const notes = join(folder, 'mutants.notes')
  mkdirSync(notes)
  chmodSync(notes, 0o777)
  const always = new Set<number>()
  for (const [file, source] of sources) {
    const inserts: { at: number; text: string }[] = []
    for (const [index, mutant] of chosen.entries()) {
      if (mutant.file !== file) continue
      const place = placeOf(source, mutant.start)
      if (place === null) always.add(index)
      else if (place.end === null) inserts.push({ at: place.start, text: `;noteReached(${index});` })
      else inserts.push({ at: place.start, text: `(noteReached(${index}), (` }, { at: place.end, text: '))' })
    }
    let text = source.text
    for (const { at, text: more } of inserts.sort((one, other) => other.at - one.at)) text = text.slice(0, at) + more + text.slice(at)
    writeFileSync(
      join(folder, file),
      `${text}
import * as noteFiles from 'node:fs'
function noteReached(mutant) {
  const seen = (globalThis.reachedMutants ??= [])
  const test = globalThis.runningTest ?? ''
  if (seen[mutant] === test) return
  seen[mutant] = test
  try {
    noteFiles.appendFileSync(${JSON.stringify(`${notes}/`)} + process.pid, JSON.stringify([mutant, test || noteFiles.readFileSync(${JSON.stringify(join(folder, 'mutants.running'))}, 'utf8')]) + '\\n')
  } catch {}
}
`,
    )
  }
  writeFileSync(join(folder, 'mutants.running'), '')
  writeFileSync(
    join(folder, SETUP),
    `import { writeFileSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { beforeEach, expect } from 'vitest'
const file = relative(${JSON.stringify(folder)}, expect.getState().testPath).split(sep).join('/')
function running(test) {
  globalThis.runningTest = file + '\\n' + test
  writeFileSync(${JSON.stringify(join(folder, 'mutants.running'))}, globalThis.runningTest)
}
running('')
beforeEach(({ task }) => running(task.fullTestName))
`,
  )
  return always
}

/** The tests that reach each mutant, the quickest first. */
function readNotes(folder: string, tests: readonly Test[], count: number, always: ReadonlySet<number>): readonly (readonly Test[])[] {
  const notes = join(folder, 'mutants.notes')
  const reached = Array.from({ length: count }, () => new Set<string>())
  for (const file of readdirSync(notes))
    for (const line of readFileSync(join(notes, file), 'utf8').trim().split('\n')) {
      const [mutant, test] = JSON.parse(line) as [number, string]
      reached[mutant]!.add(test)
    }
  const byTime = [...tests].sort((one, other) => one.ms - other.ms)
  // What a file does before its first test is done for all of its tests.
  return reached.map((keys, mutant) =>
    byTime.filter((test) => always.has(mutant) || keys.has(keyOf({ file: test.file, name: '' })) || keys.has(keyOf(test))),
  )
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' }, only: { type: 'string' } },
})
const areas = positionals.length > 0 ? positionals : Object.keys(OWN_TESTS)
const stranger = areas.find((area) => !Object.hasOwn(OWN_TESTS, area))
if (stranger !== undefined) {
  console.error(`error: there is no area "${stranger}"\nnext:  use ${Object.keys(OWN_TESTS).join(', ')}`)
  process.exit(1)
}

// Most of what tests of a database take is waiting for the disk.
const memory = '/dev/shm'
const home = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'mrt-mutants-'))
const copy = join(home, 'copy')
const scratch = join(home, 'scratch')
try {
  mkdirSync(copy)
  mkdirSync(scratch)
  chmodSync(scratch, 0o1777)
  chmodSync(home, 0o755)
  // Some tests start programs of somebody who is not root, who must be able to read them.
  chmodSync(copy, 0o755)
  copyTree(copy)
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.node.json'), (path) => ts.sys.readFile(path)).config,
    ts.sys,
    root,
  )
  for (const area of areas) {
    const files = allFiles.filter(
      (path) => path.startsWith(`src-main/${area}/`) && (values.only === undefined || path.endsWith(values.only)),
    )
    const program = ts.createProgram(
      files.map((path) => join(root, path)),
      options,
    )
    const checker = program.getTypeChecker()
    const all = files.flatMap((path) => mutantsOf(program.getSourceFile(join(root, path))!, checker))
    const rng = createRng(Number(values.seed))
    const chosen: Mutant[] = []
    while (chosen.length < Number(values.count) && all.length > 0) chosen.push(...all.splice(rng.int(all.length), 1))
    if (chosen.length === 0) continue
    const sources = new Map(chosen.map(({ file }) => [file, program.getSourceFile(join(root, file))!]))
    const always = plantNotes(copy, chosen, sources)
    const whole = run(copy, testsOf(area), WHOLE_MS, { setupFiles: [SETUP] })
    if (!whole.passes) throw new Error(`the tests of ${area} fail without a mutant:\n${whole.said}`)
    for (const [file, { text }] of sources) writeFileSync(join(copy, file), text)
    const reaching = readNotes(copy, whole.tests, chosen.length, always)
    console.log(`${whole.tests.length} tests, ${Math.round(whole.tests.reduce((sum, { ms }) => sum + ms, 0) / 1000)} s`)
    let killed = 0
    const killers = new Map<string, Test>()
    for (const [index, mutant] of chosen.entries()) {
      const path = join(copy, mutant.file)
      const { text } = sources.get(mutant.file)!
      writeFileSync(path, text.slice(0, mutant.start) + mutant.text + text.slice(mutant.end))
      const dead = stagesOf(reaching[index]!).some((tests) => {
        const outcome = runTests(copy, tests)
        for (const test of outcome.tests) if (test.failed) killers.set(keyOf(test), test)
        return !outcome.passes
      })
      writeFileSync(path, text)
      killed += Number(dead)
      const said = `${mutant.file}:${mutant.line}: ${mutant.was.replaceAll(/\s+/g, ' ').slice(0, 90)} -> ${mutant.text}`
      const by = reaching[index]!.length === 0 ? ' (no test reaches it)' : ''
      console.log(`${dead ? 'killed  ' : 'survived'} ${said}${by}`)
    }
    console.log(`${area}: ${killed} of ${chosen.length} killed`)
    // A test that needs those before it fails without them, mutant or not.
    const alone = killers.size === 0 ? null : runTests(copy, [...killers.values()])
    if (alone?.passes === false) throw new Error(`a test of ${area} fails without those before it:\n${alone.said}`)
  }
} finally {
  rmSync(home, { recursive: true, force: true })
}
