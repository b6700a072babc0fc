// `node bench/mutants.ts AREA... [--count N] [--seed N] [--only FILE]`: makes random mutants of the sources of these areas (folders of
// src-main), runs the area's own tests that reach the mutated file, and prints which mutants were killed. Tests of other areas would kill more
// of them, slower; an area is to be held by its own. One mutant is one small change that still has the right types: an operator, a comparison, a constant, a
// branch, a statement taken out. Works in a copy of the working tree, so that nothing here is touched; takes seconds a mutant, minutes an
// area. Whether a survivor does the same as the original is for its reader to say.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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
  store: ['test/store/'],
  data: ['test/data/'],
  lab: ['test/lab/'],
}
/** Of areas whose tests take long, so many of the nearest files. */
const NEAREST = 8
const FOREVER_MS = 240_000

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
      const other = CALLS[node.expression.name.text]
      if (other !== undefined) add(node.expression.name, other)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** Which files of ours each file names, and from that how far every test is from a file. */
function distancesTo(target: string): Map<string, number> {
  const users = new Map<string, string[]>()
  for (const file of allFiles)
    for (const [, specifier] of readFileSync(join(root, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
      const named = relative(root, resolve(root, dirname(file), specifier!))
        .split(sep)
        .join('/')
      users.set(named, [...(users.get(named) ?? []), file])
    }
  const far = new Map([[target, 0]])
  for (let [front, step] = [[target], 1]; front.length > 0; step++) {
    const next: string[] = []
    for (const user of front.flatMap((each) => users.get(each) ?? []))
      if (!far.has(user)) {
        far.set(user, step)
        next.push(user)
      }
    front = next
  }
  return far
}

const allFiles = ['src-main', 'src-preload', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .map((entry) => join(folder, String(entry)).split(sep).join('/'))
    .filter((path) => path.endsWith('.ts')),
)

/** The area's own tests that reach a file, the nearest first. */
function testsFor(area: string, file: string): readonly string[] {
  const own = [...distancesTo(file)]
    .filter(([path]) => path.endsWith('.test.ts') && OWN_TESTS[area]!.some((folder) => path.startsWith(folder)))
    .sort(([, one], [, other]) => one - other)
    .map(([path]) => path)
  return ['lab', 'store', 'data'].includes(area) ? own.slice(0, NEAREST) : own
}

/** A copy in which tests run as they do here. */
function copyTree(into: string): void {
  for (const folder of ['src-main', 'src-preload', 'src-renderer', 'test', 'resources', 'docs', 'scripts', 'bench'])
    cpSync(join(root, folder), join(into, folder), { recursive: true })
  for (const file of ['package.json', 'tsconfig.json', 'tsconfig.node.json', 'vitest.config.ts']) cpSync(join(root, file), join(into, file))
  for (const folder of ['node_modules', 'tools', 'native', 'out'])
    if (existsSync(join(root, folder))) symlinkSync(join(root, folder), join(into, folder), 'dir')
}

/** Whether these tests fail; never to end is to fail. */
const fails = (folder: string, tests: readonly string[]): boolean => failureOf(folder, tests, FOREVER_MS) !== null

/** The end of what tests that fail say; null where they pass. */
function failureOf(folder: string, tests: readonly string[], limitMs: number): string | null {
  if (tests.length === 0) return null
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--bail=1', '--maxWorkers=1', ...tests],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', maxBuffer: 2 ** 28, timeout: limitMs, killSignal: 'SIGKILL' },
  )
  return status === 0 ? null : `${stdout}${stderr}`.slice(-4000)
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

const copy = mkdtempSync(join(tmpdir(), 'mrt-mutants-'))
try {
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
    const union = new Set(chosen.flatMap(({ file }) => testsFor(area, file)))
    const failure = failureOf(copy, [...union], 10 * FOREVER_MS)
    if (failure !== null) throw new Error(`the tests of ${area} fail without a mutant:\n${failure}`)
    let killed = 0
    for (const mutant of chosen) {
      const path = join(copy, mutant.file)
      const text = readFileSync(join(root, mutant.file), 'utf8')
      writeFileSync(path, text.slice(0, mutant.start) + mutant.text + text.slice(mutant.end))
      const dead = fails(copy, testsFor(area, mutant.file))
      writeFileSync(path, text)
      killed += Number(dead)
      const said = `${mutant.file}:${mutant.line}: ${mutant.was.replaceAll(/\s+/g, ' ').slice(0, 90)} -> ${mutant.text}`
      console.log(`${dead ? 'killed  ' : 'survived'} ${said}`)
    }
    console.log(`${area}: ${killed} of ${chosen.length} killed`)
  }
} finally {
  rmSync(copy, { recursive: true, force: true })
}
