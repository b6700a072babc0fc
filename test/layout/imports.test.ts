// The architecture as data: which folder may import which, where the heavy packages may appear, and that the
// renderer and the main side share nothing but the contract.
import { readdirSync, readFileSync, existsSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

const mayImport: Record<string, readonly string[]> = {
  'src-preload/contract': [],
  'src-preload': ['src-preload/contract'],
  'src-main/numeric': [],
  'src-main/graph': ['src-main/numeric'],
  'src-main/autodiff': ['src-main/graph', 'src-main/numeric'],
  'src-main/model': ['src-main/graph', 'src-main/autodiff', 'src-main/numeric'],
  'src-main/engine': [],
  'src-main/episodes': ['src-main/numeric'],
  'src-main/tasks': ['src-main/episodes', 'src-main/numeric'],
  'src-main/rl': ['src-main/graph', 'src-main/episodes', 'src-main/numeric'],
  'src-main/rollout': ['src-main/engine', 'src-main/model', 'src-main/episodes', 'src-main/tasks', 'src-main/numeric'],
  'src-main/served': ['src-main/rollout', 'src-main/tasks', 'src-main/episodes', 'src-main/numeric', 'src-preload/contract'],
  'src-main/cluster': [
    'src-main/rollout',
    'src-main/engine',
    'src-main/model',
    'src-main/tasks',
    'src-main/served',
    'src-preload/contract',
  ],
  'src-main/disk': ['src-preload/contract'],
  'src-main/store': ['src-main/disk', 'src-preload/contract'],
  'src-main/data': ['src-main/disk', 'src-main/tasks', 'src-main/episodes', 'src-main/model', 'src-main/numeric', 'src-preload/contract'],
  'src-main/lab': [
    'src-main/numeric',
    'src-main/graph',
    'src-main/autodiff',
    'src-main/model',
    'src-main/engine',
    'src-main/episodes',
    'src-main/tasks',
    'src-main/rl',
    'src-main/rollout',
    'src-main/served',
    'src-main/cluster',
    'src-main/disk',
    'src-main/store',
    'src-main/data',
    'src-preload/contract',
  ],
  'src-main/serve': ['src-preload/contract', 'src-main/lab'],
  'src-main/cli': ['src-preload/contract', 'src-main/lab', 'src-main/serve'],
  'src-main/shell': ['src-preload/contract', 'src-main/shell', 'src-main/lab', 'src-main/serve'],
  'src-renderer/charts': [],
  'src-renderer/parts': ['src-renderer/charts', 'src-renderer/style', 'src-preload/contract'],
  'src-renderer/style': [],
  'src-renderer/state': ['src-preload/contract'],
  'src-renderer/pages': ['src-renderer/state', 'src-renderer/parts', 'src-renderer/charts', 'src-preload/contract'],
  'src-renderer/gallery': ['src-renderer/parts', 'src-renderer/charts', 'src-renderer/style', 'src-preload/contract'],
  'src-renderer/report': [
    'src-renderer/pages',
    'src-renderer/state',
    'src-renderer/parts',
    'src-renderer/charts',
    'src-renderer/style',
    'src-preload/contract',
  ],
  'src-renderer': [
    'src-renderer/gallery',
    'src-renderer/report',
    'src-renderer/pages',
    'src-renderer/state',
    'src-renderer/parts',
    'src-renderer/charts',
    'src-renderer/style',
    'src-preload/contract',
  ],
}

/** Where the laboratory is asked: a lab in the process of a command, what can be chosen before there is one, and how an error is told. */
const DOORS = new Set(['process/ownLab.ts', 'answers/choices.ts', 'answers/answer.ts'])

/**
 * What commands take from the laboratory's rooms themselves, because there is no workspace to ask: pages about the program, answers that are graded as
 * lines come, this machine and its devices, the starter, a workspace that cannot be opened, a package that pip fetches. Everything else is asked for, and
 * what is taken out here does not come back.
 */
const ENTERED: Record<string, readonly string[]> = {
  'cli/data.ts': ['files/formats.ts', 'files/grading.ts'],
  'cli/exports.ts': ['comparing/reportFile.ts', 'process/resources.ts'],
  'cli/machine.ts': [
    'process/describeDevices.ts',
    'process/deviceSetup.ts',
    'process/deviceTests.ts',
    'process/openComputing.ts',
    'process/selfTest.ts',
    'training/overRay.ts',
    'training/starter.ts',
  ],
  'cli/models.ts': ['training/fetchModel.ts'],
  'cli/repair.ts': ['files/referencePage.ts', 'files/salvageWorkspace.ts'],
  'cli/study.ts': ['process/resources.ts'],
  'cli/tasks.ts': ['files/taskPage.ts', 'training/describe.ts'],
}

const packageHomes: Record<string, (file: string) => boolean> = {
  'better-sqlite3': (file) => file.startsWith('src-main/store/') || file === 'src-main/data/read/sqlite.ts',
  'onnxruntime-node': () => false,
  electron: (file) => /^src-main\/(index|window|menu|bridge)\.ts$/.test(file) || file === 'src-preload/index.ts',
  zod: (file) => file.startsWith('src-preload/contract'),
  d3: (file) => file.startsWith('src-renderer/charts/'),
}

const files = ['src-main', 'src-preload', 'src-renderer'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .map((entry) => join(folder, String(entry)).split(sep).join('/'))
    .filter((path) => /\.(ts|svelte)$/.test(path)),
)

/** The module a file belongs to: its folder, a face of the main side, or the contract. */
function moduleOf(file: string): string {
  if (/^src-preload\/contract(\.ts|\/)/.test(file)) return 'src-preload/contract'
  if (/^src-main\/cli(\.ts|\/)/.test(file)) return 'src-main/cli'
  if (/^src-main\/serve(\.ts|\/)/.test(file)) return 'src-main/serve'
  if (/^src-main\/[^/]+\.ts$/.test(file)) return 'src-main/shell'
  const [first, second] = file.split('/')
  return second && !second.includes('.') ? `${first}/${second}` : first!
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const found: string[] = []
  for (const match of text.matchAll(
    /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s+['"]([^'"]+)['"]/g,
  ))
    found.push((match[1] ?? match[2] ?? match[3])!)
  return found
}

describe('the layout of the repository', () => {
  it('lets every module import only what the table allows', () => {
    const wrong: string[] = []
    for (const file of files) {
      const from = moduleOf(file)
      for (const specifier of importsOf(file)) {
        if (!specifier.startsWith('.')) continue
        const target = relative(root, resolve(root, dirname(file), specifier))
          .split(sep)
          .join('/')
        if (!/^src-/.test(target)) continue
        const to = moduleOf(/\.(ts|svelte|css|json)$/.test(target) ? target : `${target}.ts`)
        if (to !== from && !(mayImport[from] ?? []).includes(to)) wrong.push(`${file} imports ${target}: ${from} may not import ${to}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('has the command line ask the laboratory, and enter none of its rooms but those that are named here', () => {
    const rooms: Record<string, Set<string>> = {}
    for (const file of files.filter((each) => moduleOf(each) === 'src-main/cli'))
      for (const specifier of importsOf(file).filter((each) => each.includes('/lab/'))) {
        const target = relative(join(root, 'src-main/lab'), resolve(root, dirname(file), specifier))
          .split(sep)
          .join('/')
        if (!DOORS.has(target)) (rooms[file.slice('src-main/'.length)] ??= new Set()).add(target)
      }
    expect(Object.fromEntries(Object.entries(rooms).map(([file, found]) => [file, [...found].sort()]))).toEqual(ENTERED)
  })

  it('goes round in no circle', () => {
    const known = new Set(files)
    const after = new Map(
      files.map((file) => [
        file,
        importsOf(file)
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => {
            const target = relative(root, resolve(root, dirname(file), specifier))
              .split(sep)
              .join('/')
            return /\.(ts|svelte|css|json)$/.test(target) ? target : `${target}.ts`
          })
          .filter((target) => known.has(target)),
      ]),
    )
    // Files without anything before them are taken away until none is left; what stays lies on a circle, or behind one.
    let left = new Set(files)
    for (let before = -1; before !== left.size;) {
      before = left.size
      left = new Set([...left].filter((file) => after.get(file)!.some((target) => left.has(target))))
    }
    expect([...left]).toEqual([])
  })

  it('keeps each heavy package in its one home', () => {
    const wrong: string[] = []
    for (const file of files)
      for (const specifier of importsOf(file)) {
        const name = specifier.startsWith('d3-') ? 'd3' : specifier.split('/')[0]!
        const home = packageHomes[name]
        if (home && !home(file)) wrong.push(`${file} imports ${name}`)
      }
    expect(wrong).toEqual([])
  })

  it('has a rule for every module that exists', () => {
    const known = new Set(Object.keys(mayImport))
    expect([...new Set(files.map(moduleOf))].filter((module) => !known.has(module))).toEqual([])
  })

  it('has the top level that the architecture names', () => {
    for (const path of ['package.json', 'electron.vite.config.ts', 'src-main', 'src-renderer', 'src-preload', 'resources', 'test'])
      expect(existsSync(join(root, path)), path).toBe(true)
  })
})
