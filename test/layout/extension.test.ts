// "To add X, touch Y" in docs/architecture.md, held to its word: each addition is made in a copy of the sources, only the named files are
// touched, the copy still has its types, and what was added works there.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const rows = new Map(
  [...readFileSync(join(root, 'docs/architecture.md'), 'utf8').matchAll(/^\| (an? [^|]+?) \| (.+?) \|$/gm)].map(([, what, touched]) => [
    what!,
    [...touched!.matchAll(/(one file in )?`([^`]+)`/g)].map(([, one, path]) => (one ? `${path}/*` : path!)),
  ]),
)

let copy: string
const touched = new Map<string, string[]>()
let adding = ''
const note = (path: string): void => void touched.set(adding, [...(touched.get(adding) ?? []), path])

/** A file that was not there. */
function create(path: string, text: string): void {
  if (existsSync(join(copy, path))) throw new Error(`${path} is there already`)
  mkdirSync(dirname(join(copy, path)), { recursive: true })
  writeFileSync(join(copy, path), text)
  note(path)
}
/** A line behind the first that matches. */
function insert(path: string, after: RegExp, line: string): void {
  const lines = readFileSync(join(copy, path), 'utf8').split('\n')
  const at = lines.findIndex((each) => after.test(each))
  if (at < 0) throw new Error(`no line of ${path} matches ${after}`)
  lines.splice(at + 1, 0, line)
  writeFileSync(join(copy, path), lines.join('\n'))
  if (!(touched.get(adding) ?? []).includes(path)) note(path)
}
function replace(path: string, what: string | RegExp, by: string): void {
  const text = readFileSync(join(copy, path), 'utf8')
  const now = text.replace(what, by)
  if (now === text) throw new Error(`${path} does not hold ${what}`)
  writeFileSync(join(copy, path), now)
  if (!(touched.get(adding) ?? []).includes(path)) note(path)
}

const additions: Readonly<Record<string, () => void>> = {
  'an ONNX operator': () => {
    insert('src-main/graph/opAttributes.ts', /^ {2}Softplus: None/, '  Softsign: None')
    insert('src-main/graph/ops.ts', /^ {2}Softplus: each/, '  Softsign: each(1, types.floats),')
    insert(
      'src-main/autodiff/rules.ts',
      /^ {2}Relu: .*\],$/,
      '  Softsign: (g, { to, inputs: [x] }) => [to.div(g, to.pow(to.add(to.abs(x), 1), 2))],',
    )
  },
  'an algorithm': () => {
    create(
      'src-main/rl/signReward.ts',
      `// Every token is paid 1 for a right answer and -1 for a wrong one.
import { defineAlgorithm } from './algorithm.ts'
import { gradedParts, payGroup } from './pay.ts'
import { policyLoss, policyOptions } from './policyOptions.ts'

export const signReward = defineAlgorithm({
  name: 'sign-reward', title: 'Sign reward', method: 'outcome', rule: 'Right answers are paid 1, wrong ones -1.', source: 'none',
  needs: () => ({ data: 'rollouts', J: 'none' }),
  options: policyOptions({ klBeta: 0 }),
  credit: (group) => payGroup(group, group.map(gradedParts), (rewards) => rewards.map((reward) => (reward > 0 ? 1 : -1))),
  loss: (options) => policyLoss(options, { ratio: 'token', aggregation: 'constant' }),
})
`,
    )
    insert('src-main/rl/algorithms.ts', /^import \{ sft \}/, "import { signReward } from './signReward.ts'")
    insert('src-main/rl/algorithms.ts', /^ {2}sft,/, "  'sign-reward': signReward,")
  },
  'a problem set': () => {
    create(
      'src-main/tasks/doubling.ts',
      `// Twice a number.
import type { Procedure } from './procedural.ts'

export const doubling: Procedure<{ readonly n: number }> = {
  name: 'doubling', levels: [{ id: '1', label: 'numbers to 5000' }],
  draw: (_level, rng) => ({ n: rng.between(1, 5000) }),
  identity: ({ n }) => String(n), question: ({ n }) => \`What is twice \${n}?\`, answerForm: 'a whole number', answers: ({ n }) => [String(2 * n)], grader: 'integer', cluster: ({ n }) => \`last digit \${n % 10}\`,
}
`,
    )
    insert('src-main/tasks/registry.ts', /^import \{ arithmetic \}/, "import { doubling } from './doubling.ts'")
    insert('src-main/tasks/registry.ts', /^ {2}arithmetic: /, "  doubling: procedural(doubling, 'Doubling', 'Twice a number.', '1'),")
  },
  'a model family': () => {
    replace('src-main/model/config.ts', /(export type FamilyName = [^\n]*)/, "$1 | 'granite'")
    insert(
      'src-main/model/families.ts',
      /^export const families/,
      "  granite: { name: 'granite', architecture: 'GraniteForCausalLM', attentionBias: whenSaid, qkNorm: false, headDim: perHead, ggufPairsRows: false },",
    )
  },
  'a rollout format': () => {
    create(
      'src-main/data/rollouts/homeMade.ts',
      `// Rows of question and reply.
import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import { mostHave, promptHash, type SourceReader } from './mapping.ts'

export const homeMade: SourceReader = {
  format: { title: 'Home made', files: 'rows of my_question and my_reply', example: [{ my_question: 'What is 1 + 1?', my_reply: '2' }], fields: { my_question: 'prompt', my_reply: 'completion' } },
  recognise: (sample) => (mostHave(sample, 'my_question', 'my_reply') ? 'it has my_question and my_reply' : null),
  read: (row) => [{ schemaVersion: SCHEMA_VERSION, promptId: promptHash(String(row.my_question)), prompt: String(row.my_question), completion: String(row.my_reply) }],
}
`,
    )
    replace('src-main/data/rollouts/mapping.ts', "'tinker',", "'tinker', 'home-made',")
    insert('src-main/data/rollouts/sources.ts', /^import \{ inspect \}/, "import { homeMade } from './homeMade.ts'")
    insert('src-main/data/rollouts/sources.ts', /^export const sourceReaders/, "  'home-made': homeMade,")
  },
  'a table': () => {
    const next = String(
      execFileSync('ls', [join(copy, 'src-main/store/migrations')], { encoding: 'utf8' })
        .trim()
        .split('\n').length + 1,
    ).padStart(4, '0')
    create(
      `src-main/store/migrations/${next}-bookmarks.sql`,
      'CREATE TABLE bookmarks (id INTEGER PRIMARY KEY, run_id INTEGER REFERENCES runs ON DELETE CASCADE, note TEXT NOT NULL) STRICT;\n',
    )
    replace('src-main/store/merge.ts', "stays: ['workspace',", "stays: ['workspace', 'bookmarks',")
  },
}

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'mrt-extension-'))
  for (const folder of ['src-main', 'src-preload']) cpSync(join(root, folder), join(copy, folder), { recursive: true })
  for (const file of ['package.json', 'tsconfig.json']) cpSync(join(root, file), join(copy, file))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  for (const [what, add] of Object.entries(additions)) {
    adding = what
    add()
  }
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))

describe('what it takes to add something', () => {
  it.each(Object.keys(additions))('%s: the files that the page names, and no other', (what) => {
    const named = rows.get(what)
    expect(named, `docs/architecture.md has a row for ${what}`).toBeDefined()
    const left = named!.filter(
      (pattern) => !touched.get(what)!.some((path) => (pattern.endsWith('/*') ? dirname(path) === pattern.slice(0, -2) : path === pattern)),
    )
    const beyond = touched
      .get(what)!
      .filter((path) => !named!.some((pattern) => (pattern.endsWith('/*') ? dirname(path) === pattern.slice(0, -2) : path === pattern)))
    expect({ left, beyond }).toEqual({ left: [], beyond: [] })
  })

  it('is all: the copy with everything added has its types', () => {
    const config = JSON.parse(readFileSync(join(root, 'tsconfig.node.json'), 'utf8')) as { extends?: string; compilerOptions?: object }
    writeFileSync(join(copy, 'tsconfig.node.json'), JSON.stringify({ ...config, include: ['src-main/**/*.ts', 'src-preload/**/*.ts'] }))
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.node.json'],
      { cwd: copy, encoding: 'utf8' },
    )
    expect([status, stdout]).toEqual([0, ''])
  }, 240_000)

  it('and works: each is found where a person would look for it', () => {
    writeFileSync(
      join(copy, 'probe.ts'),
      `
import { GraphBuilder } from './src-main/graph/builder.ts'
import { gradients } from './src-main/autodiff/gradients.ts'
import { createMethod } from './src-main/rl/algorithms.ts'
import { configFromHuggingFace } from './src-main/model/families.ts'
import { importFiles } from './src-main/data/importFiles.ts'
import { tasks } from './src-main/tasks/registry.ts'
import { openStore } from './src-main/store/openStore.ts'
import { writeFileSync } from 'node:fs'
const g = new GraphBuilder('probe')
const x = g.input('x', 'float32', [3])
g.output('loss', g.reduceSum(g.apply('Softsign', [x], {})[0]!, undefined, false))
const derived = gradients(g.build(), 'loss', ['x']).outputs.map(({ name }) => name)
const task = tasks.doubling!.create({ level: '1' }, { dataset: () => { throw new Error('none') } })
const [problem] = task.problems('train', 1, 1)
const family = configFromHuggingFace({ model_type: 'granite', vocab_size: 64, hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 2 }).architecture
writeFileSync('rows.jsonl', '{"my_question":"What is 1 + 1?","my_reply":"2"}\\n')
let source = null
const read = importFiles(['rows.jsonl'])
for await (const batch of read) void batch
source = read.report().files[0]!.source
openStore('workspace', { create: true, program: 'probe' }).close()
console.log(JSON.stringify({ derived, algorithm: createMethod('sign-reward').algorithm.title, right: task.grade(problem!, task.answers(problem!)![0]!).correct, family, source }))
`,
    )
    const { stdout, stderr } = spawnSync(process.execPath, ['probe.ts'], { cwd: copy, encoding: 'utf8' })
    expect(JSON.parse(stdout.trim().split('\n').at(-1) || JSON.stringify({ stderr }))).toEqual({
      derived: expect.arrayContaining(['grad/x']),
      algorithm: 'Sign reward',
      right: true,
      family: 'granite',
      source: 'home-made',
    })
  }, 60_000)
})
