// Nothing is exported for tests alone: what no part of the program imports and its own file does not use is dead, however well it is tested.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const files = ['src-main', 'src-preload', 'src-renderer', 'bench', 'scripts'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .map((entry) => join(folder, String(entry)).split(sep).join('/'))
    .filter((path) => /\.(ts|svelte|mjs)$/.test(path)),
)

/** Started by their path; of use to whoever looks into a graph, the tests of graphs being built on them; a decision about every table that a test holds against the schema. */
const KEPT = new Set([
  'scripts/smoke/nodeLab.ts openObituaries',
  'scripts/smoke/nodeLab.ts utilityLab',
  'src-main/graph/dims.ts evaluateDim',
  'src-main/graph/print.ts print',
])

/** Where processes, pages and commands begin; and the printer of graphs, see above. */
const ENTRIES = new Set([
  'src-main/cli.ts',
  'src-main/index.ts',
  'src-main/lab/process/process.ts',
  'src-preload/index.ts',
  'src-renderer/report.ts',
  'src-main/graph/print.ts',
  'src-main/tasks/graders/groups.ts',
])

interface Module {
  readonly text: string
  /** Names of values that it exports where it declares them. */
  readonly exported: readonly string[]
  /** Modules it takes names from: `*` for all of them. */
  readonly uses: readonly (readonly [module: string, name: string])[]
  /** Modules all of whose names it hands on. */
  readonly handsOn: readonly string[]
}

function read(file: string): Module {
  const whole = readFileSync(join(root, file), 'utf8')
  const text = file.endsWith('.svelte')
    ? [...whole.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(([, script]) => script).join('\n')
    : whole
  const [exported, uses, handsOn]: [string[], [string, string][], string[]] = [[], [], []]
  const target = (specifier: ts.Expression): string | null =>
    ts.isStringLiteral(specifier) && specifier.text.startsWith('.')
      ? relative(root, resolve(root, dirname(file), specifier.text))
          .split(sep)
          .join('/')
      : null
  const take = (module: string | null, names: readonly string[]): void => {
    if (module !== null) uses.push(...names.map((name): [string, string] => [module, name]))
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const { importClause } = node
      const bindings = importClause?.namedBindings
      take(
        target(node.moduleSpecifier),
        bindings === undefined
          ? []
          : ts.isNamedImports(bindings)
            ? bindings.elements.map(({ propertyName, name }) => (propertyName ?? name).text)
            : ['*'],
      )
    } else if (ts.isExportDeclaration(node)) {
      const module = node.moduleSpecifier ? target(node.moduleSpecifier) : null
      if (node.exportClause && ts.isNamedExports(node.exportClause))
        take(
          module,
          node.exportClause.elements.map(({ propertyName, name }) => (propertyName ?? name).text),
        )
      else if (module !== null) handsOn.push(module)
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) take(target(node.arguments[0]!), ['*'])
    else if (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) {
      if (ts.isVariableStatement(node))
        exported.push(...node.declarationList.declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? [name.text] : [])))
      else if ((ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node)) && node.name) exported.push(node.name.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, false, ts.ScriptKind.TS))
  return { text, exported, uses, handsOn }
}

const modules = new Map(files.map((file) => [file, read(file)]))

it('is a module that the program imports, or where it begins', () => {
  const named = new Set(
    [...modules.keys(), 'index.html'].flatMap((file) => {
      const text =
        file === 'index.html'
          ? ['index', 'gallery'].map((page) => readFileSync(join(root, `src-renderer/${page}.html`), 'utf8')).join('\n')
          : modules.get(file)!.text
      const folder = file === 'index.html' ? 'src-renderer' : dirname(file)
      return [...text.matchAll(/['"](\.{1,2}\/[^'"\n]+)['"]/g)].map(([, specifier]) =>
        relative(root, resolve(root, folder, specifier!))
          .split(sep)
          .join('/'),
      )
    }),
  )
  expect(
    [...modules.keys()].filter((file) => file.startsWith('src-') && !file.endsWith('.d.ts') && !named.has(file) && !ENTRIES.has(file)),
  ).toEqual([])
})

it('is imported by the program, or used in its own file', () => {
  const taken = new Set([...modules.values()].flatMap(({ uses }) => uses.map((each) => each.join(' '))))
  const handedBy = (module: string): string[] =>
    [...modules].flatMap(([file, { handsOn }]) => (handsOn.includes(module) ? [file, ...handedBy(file)] : []))
  const dead = [...modules].flatMap(([file, { text, exported }]) =>
    exported
      .filter(
        (name) =>
          ![file, ...handedBy(file)].some((module) => taken.has(`${module} ${name}`) || taken.has(`${module} *`)) &&
          text.match(new RegExp(`\\b${name}\\b`, 'g'))!.length < 2,
      )
      .map((name) => `${file} ${name}`),
  )
  expect(dead.filter((each) => !KEPT.has(each))).toEqual([])
}, 60_000)
