// One malformed row blanks no page: every JSON column and every blob of the schema is spoilt in turn, in one row, by what another program or a
// failing disk may leave there, and every reading method of the contract is asked. What does not name the spoilt row answers; what names it
// may refuse, with the row's name.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { LabError, methods, ownMethods, type Client, type LabErrorData, type OwnClient } from '../../src-preload/contract.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { askDirectly } from '../../src-main/lab/answers/answer.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'
import { makeWorkspace, rollout } from './records.ts'

let lab: LocalLab
let db: Database.Database
beforeAll(async () => {
  lab = await openLocalLab()
  await lab.client.workspace.close()
  const store = openStore(lab.folder)
  const [runId] = lab.filled.runIds
  const datasetId = store.datasets.add({
    name: 'a file',
    kind: 'imported',
    source: { file: 'a.jsonl' },
    roles: { prompt: 'question' },
    grader: 'exact',
    note: '',
    createdAtMs: 1,
  })
  const [problemId] = store.datasets.addProblems(datasetId, [
    { key: 'q', split: 'train', prompt: 'What is 1 + 2?', answer: '3', level: null, slices: {}, extra: { solution: 'count' } },
  ])
  store.rollouts.add({ runId: lab.filled.runIds.at(-1)!, evaluationId: null, phase: 'imported', step: 9 }, [
    { ...rollout(problemId!, 0, 0, true), origin: { columns: { seen: 1 } } as never },
  ])
  store.runs.setStatus(lab.filled.runIds.at(-1)!, 'failed', 5, { code: 'run.cut', expected: 'an end', found: 'none', next: 'Go on.' })
  store.settings.set('page', { open: 'runs' })
  const study = store.studies.add({
    name: 'study',
    title: 'A study',
    conditions: { steps: 1, problems: 8, samples: 2, validation: 4, learningRate: 'fixed' },
    environment: {},
    createdAtMs: 1,
  })
  store.studies.addCells(study.id, [
    { arm: 'a', seed: 1, spec: { steps: 1 } },
    { arm: 'a', seed: 2, spec: { steps: 1 } },
  ])
  store.studies.setRun(store.studies.cells(study.id)[0]!.id, lab.filled.runIds.at(-1)!)
  const followId = store.follows.add({
    runId: runId!,
    path: '/followed',
    options: { importId: '1-00000000' },
    active: false,
    createdAtMs: 1,
  })
  store.follows.addIdentity(followId, ['prompt', 'q'])
  store.follows.setFile(followId, {
    path: 'rows.jsonl',
    kind: 'rows',
    inode: '1',
    bytes: 1,
    mtimeMs: 1,
    readTo: 0,
    line: 1,
    head: '',
    tail: '',
    rows: 0,
    rejected: 0,
    source: null,
    reason: { code: 'file.missing', expected: 'a file', found: 'none', next: 'Find it.' },
  })
  store.close()
  await lab.client.workspace.open({ folder: lab.folder })
  db = new Database(join(lab.folder, 'workspace.db'))
})
afterAll(async () => {
  db.close()
  await lab.close()
})

const scope = () => ({ runId: lab.filled.runIds[0]! })
const last = () => ({ runId: lab.filled.runIds.at(-1)! })
const several = () => lab.filled.runIds.slice(0, 3)
type Asking = (client: Client) => readonly Promise<unknown>[]

/** All problems here are of one difficulty, which is refused whatever else is spoilt. */
const nothingToTellApart = (error: LabError): void => {
  if (!/^thinking\.(slice|unmeasured)$/.test(error.code)) throw error
}

/** Every method that only reads, as pages ask it that name nothing of the last row of any table. */
const asked: Readonly<Record<string, Asking>> = {
  'workspace.info': ({ workspace }) => [workspace.info()],
  'settings.all': ({ settings }) => [settings.all()],
  'settings.get': ({ settings }) => [settings.get({ key: 'nothing' })],
  'events.list': ({ events }) => [events.list(), events.list(scope())],
  'health.list': ({ health }) => [health.list(scope())],
  'storage.report': ({ storage }) => [storage.report()],
  'playground.sources': ({ playground }) => [playground.sources()],
  'runs.list': ({ runs }) => [runs.list()],
  'runs.get': ({ runs }) => [runs.get(scope())],
  'runs.duplicate': ({ runs }) => [runs.duplicate(scope())],
  'runs.footprint': ({ runs }) => [runs.footprint(scope())],
  'runs.bin': ({ runs }) => [runs.bin()],
  'runs.metricNames': ({ runs }) => [runs.metricNames({ runIds: lab.filled.runIds })],
  'runs.series': ({ runs }) => several().map((runId) => runs.series({ runId, metrics: ['reward'] })),
  'runs.configDiff': ({ runs }) => [runs.configDiff({ runIds: several() })],
  'steps.list': ({ steps }) => lab.filled.runIds.map((runId) => steps.list({ runId, from: 0, to: 99 })),
  'steps.get': ({ steps }) => [steps.get({ ...scope(), step: 1 })],
  'checkpoints.list': ({ checkpoints }) => [checkpoints.list(scope())],
  'groups.list': ({ groups }) => [groups.list({ ...scope(), step: 1 }), groups.list({ evaluationId: lab.filled.evaluationIds[0]! })],
  'rollouts.query': ({ rollouts }) => [
    rollouts.query({ filter: {}, sort: 'place', descending: false, limit: 200, after: null }),
    rollouts.query({ filter: {}, sort: 'reward', descending: true, limit: 200, after: null }),
  ],
  'rollouts.get': ({ rollouts }) => [rollouts.get({ rolloutId: 1 })],
  'rollouts.asked': ({ rollouts }) => [rollouts.asked({ rolloutId: 1 })],
  'rollouts.group': ({ rollouts }) => [rollouts.group({ rolloutId: 1 })],
  'rollouts.search': ({ rollouts }) => [rollouts.search({ filter: { text: 'Wait' } })],
  'rollouts.picks': ({ rollouts }) => [rollouts.picks({ scope: {} }), rollouts.picks({ scope: scope() })],
  'rollouts.histogram': ({ rollouts }) => [rollouts.histogram({ filter: {}, column: 'reward' })],
  'rollouts.steps': ({ rollouts }) => [rollouts.steps(scope())],
  'rollouts.watched': ({ rollouts }) => [rollouts.watched(scope())],
  'rollouts.throughTraining': ({ rollouts }) =>
    lab.filled.problemIds.map((problemId) => rollouts.throughTraining({ problemId, runId: null })),
  'rollouts.explain': ({ rollouts }) => [rollouts.explain({ rolloutId: 1 })],
  'thinking.summary': ({ thinking }) => [thinking.summary({ scope: last() }), thinking.summary({ scope: scope() })],
  'thinking.regret': ({ thinking }) => [thinking.regret({ scope: last(), budgets: [10, 20] })],
  'thinking.comparators': ({ thinking }) => [thinking.comparators({ scope: last() })],
  'thinking.curves': ({ thinking }) => [thinking.curves({ scope: last() })],
  'thinking.calibration': ({ thinking }) => [thinking.calibration({ scope: last() })],
  'thinking.calibrationByType': ({ thinking }) => [thinking.calibrationByType({ scope: last() }).catch(nothingToTellApart)],
  'thinking.agreement': ({ thinking }) => [thinking.agreement({ scope: last() })],
  'thinking.estimators': ({ thinking }) => [thinking.estimators({ scope: last() })],
  'thinking.slices': ({ thinking }) => [thinking.slices({ scope: last(), budget: 20 })],
  'thinking.sensitivity': ({ thinking }) => [
    thinking.rules().then(([{ name, rule }]) => thinking.sensitivity({ scope: last(), rules: [{ name, rule }], budget: 20 })),
  ],
  'thinking.provers': ({ thinking }) => [thinking.provers()],
  'evaluations.list': ({ evaluations }) => [evaluations.list(), ...lab.filled.runIds.map((runId) => evaluations.list({ runId }))],
  'evaluations.newest': ({ evaluations }) => [evaluations.newest({ runIds: several() })],
  'evaluations.get': ({ evaluations }) => [evaluations.get({ evaluationId: lab.filled.evaluationIds[0]! })],
  'evaluations.curves': ({ evaluations }) => [evaluations.curves({ evaluationId: lab.filled.evaluationIds[0]! })],
  'evaluations.results': ({ evaluations }) => lab.filled.evaluationIds.map((evaluationId) => evaluations.results({ evaluationId })),
  'evaluations.paired': ({ evaluations }) => [evaluations.paired({ a: lab.filled.evaluationIds[0]!, b: lab.filled.evaluationIds[1]! })],
  'compare.table': ({ compare }) => [compare.table({ runIds: several(), budget: 20 })],
  'compare.tables': ({ compare }) => [compare.tables({ runIds: several(), budgets: [10, 20] })],
  'compare.curves': ({ compare }) => [compare.curves({ runIds: several(), metric: 'reward' })],
  'compare.budgetCurves': ({ compare }) => [compare.budgetCurves({ runIds: several(), quantity: 'regret', start: true })],
  'compare.map': ({ compare }) => [compare.map({ runIds: several(), budget: 20 })],
  'compare.maps': ({ compare }) => [compare.maps({ runIds: several(), budgets: [10, 20] })],
  'compare.wins': ({ compare }) => [compare.wins({ a: several()[0]!, b: several()[1]! })],
  'compare.pairs': ({ compare }) => [compare.pairs({ a: [several()[0]!], b: [several()[1]!] })],
  'compare.tokensFor': ({ compare }) => [compare.tokensFor({ runIds: several(), accuracy: 0.2 })],
  'compare.report': ({ compare }) => [compare.report({ runIds: several(), baseline: several()[0]! })],
  'compare.budgets': ({ compare }) => [compare.budgets({ runIds: several() })],
  'datasets.list': ({ datasets }) => [datasets.list()],
  'datasets.get': ({ datasets }) => [datasets.get({ datasetId: 1 })],
  'datasets.facts': ({ datasets }) => [datasets.facts({ datasetId: 1 })],
  'datasets.overlap': ({ datasets }) => [datasets.overlap({ datasetId: 1 })],
  'problems.list': ({ problems }) => [problems.list({ datasetId: 1, split: 'heldout' }), problems.list({ datasetId: 2, split: 'train' })],
  'problems.get': ({ problems }) => [problems.get({ problemId: 1 })],
  'models.list': ({ models }) => [models.list()],
  'studies.list': ({ studies }) => [studies.list()],
  'follows.list': ({ follows }) => [follows.list()],
  'exports.sizes': ({ exports }) => [exports.sizes(scope())],
}
/** What a page may ask of the spoilt row itself. */
const named: Asking = ({ runs, rollouts, evaluations, problems, datasets, events, health, settings, compare, groups }) => {
  const { runIds, evaluationIds } = lab.filled
  const last = runIds.at(-1)!
  return [
    runs.get({ runId: last }),
    runs.configDiff({ runIds }),
    runs.series({ runId: last, metrics: ['reward'] }),
    rollouts.get({ rolloutId: 64 }),
    rollouts.get({ rolloutId: 65 }),
    rollouts.explain({ rolloutId: 64 }),
    evaluations.get({ evaluationId: evaluationIds.at(-1)! }),
    evaluations.curves({ evaluationId: evaluationIds.at(-1)! }),
    problems.get({ problemId: 5 }),
    datasets.get({ datasetId: 2 }),
    datasets.facts({ datasetId: 2 }),
    events.list({ runId: last }),
    health.list({ runId: last }),
    settings.get({ key: 'page' }),
    groups.list({ runId: last, step: 9 }),
    compare.table({ runIds, budget: 20 }),
    compare.tokensFor({ runIds, accuracy: 0.2 }),
  ]
}
/** Methods that act, compute with an engine, or read no table of the workspace. */
const OTHERS =
  /^(app|workspaces|system|imports|presets|algorithms|tasks|glossary|jobs)\.|^workspace\.(?!info)|^(health\.rules|settings\.set|storage\.(?!report)|playground\.(?!sources)|runs\.(start|startAll|done|specFields|estimate|pause|resume|stopAfterStep|cancel|saveCheckpoint|branch|rename|remove|restore|emptyBin)|checkpoints\.setPinned|rollouts\.stopHere|thinking\.(segment|rules|measureCuts|measure|vote)|evaluations\.start(Of)?|datasets\.(describe|split|remove)|studies\.(?!list)|models\.(connect|remove)|follows\.(?!list)|exports\.write)/

/** The same of commands; `follows.get` names a row. */
const askedByCommands: Readonly<Record<string, (client: OwnClient) => readonly Promise<unknown>[]>> = {
  'studies.status': ({ studies }) => [studies.status({ name: null })],
}
const OWN_OTHERS =
  /^(tasks\.try|playground\.write|exports\.save|imports\.(isModel|bring)|follows\.(look|takeBack)|runs\.handOver|models\.(import|export)|workspaces\.sample|studies\.(open|work|write))$/

it('asks every method of the contract that reads the workspace', () => {
  const all = Object.entries(methods).flatMap(([noun, verbs]) => Object.keys(verbs).map((verb) => `${noun}.${verb}`))
  expect(all.filter((name) => !OTHERS.test(name) && !Object.hasOwn(asked, name))).toEqual([])
  expect(Object.keys(asked).filter((name) => !all.includes(name) || OTHERS.test(name))).toEqual([])
  const own = Object.entries(ownMethods).flatMap(([noun, verbs]) => Object.keys(verbs).map((verb) => `${noun}.${verb}`))
  expect(own.filter((name) => !OWN_OTHERS.test(name)).sort()).toEqual([...Object.keys(askedByCommands), 'follows.get'].sort())
})

interface Column {
  readonly table: string
  readonly column: string
  readonly kind: 'json' | 'blob'
}
/** Columns of the schema that hold something to be taken apart, by what stands in them here. */
function columnsToSpoil(): Column[] {
  const tables = db
    .prepare<unknown[], string>(
      `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE '%rollout_text%' AND name NOT LIKE 'sqlite%'`,
    )
    .pluck()
    .all()
  return tables.flatMap((table) =>
    (db.pragma(`table_info(${table})`) as { name: string; type: string }[]).flatMap(({ name: column, type }): Column[] => {
      const values = db.prepare<unknown[], unknown>(`SELECT ${column} FROM ${table} WHERE ${column} IS NOT NULL`).pluck().all()
      if (type === 'BLOB' && values.length > 0) return [{ table, column, kind: 'blob' }]
      const isJson = values.length > 0 && values.every((value) => typeof value === 'string' && /^[[{"]|^null$/.test(value))
      return type === 'TEXT' && isJson ? [{ table, column, kind: 'json' }] : []
    }),
  )
}

const SPOILT = { json: ['{"cut off', 'null', '{"reward": 1e999, "budget": "x"}'], blob: [Buffer.from([1, 2, 3])] }

/** What figures of thinking and exports are made of; beside other tables they are asked once. */
const OF_ROLLOUTS = new Set(['rollouts', 'rollout_bodies', 'provenances', 'estimators', 'problems'])
/** All rollouts here came about in one way, so each of them names the only row of that table. */
const NAMES_PROVENANCE = new Set(['rollouts.get', 'rollouts.asked', 'rollouts.group', 'rollouts.explain', 'exports.sizes'])

/** Spoils the last row of a table in one column; undone by what it returns. */
function spoil({ table, column }: Column, value: unknown): () => void {
  const same = (db.pragma(`table_info(${table})`) as { name: string; pk: number }[]).flatMap(({ name, pk }) => (pk > 0 ? [name] : []))
  const key = db
    .prepare<unknown[], Record<string, unknown>>(`SELECT ${[...same, column].join(', ')} FROM ${table}`)
    .all()
    .at(-1)!
  const where = same.map((name) => `${name} IS ?`).join(' AND ')
  const set = (given: unknown): void =>
    void db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${where}`).run(given, ...same.map((name) => key[name]))
  set(value)
  return () => set(key[column])
}

it('answers everything that does not name the spoilt row, and names the row where it refuses', { timeout: 600_000 }, async () => {
  const columns = columnsToSpoil()
  expect(columns.map(({ table, column }) => `${table}.${column}`)).toEqual(
    expect.arrayContaining([
      'runs.config',
      'runs.error',
      'steps.metrics',
      'rollouts.reward_parts',
      'rollout_bodies.tokens',
      'evaluations.metrics',
      'evaluations.budgets',
      'evaluation_results.accuracy_at_budget',
      'models.config',
      'datasets.source',
      'problems.answer',
      'problems.slices',
      'events.data',
      'settings.value',
      'follows.options',
      'provenances.spec',
      'estimators.spec',
    ]),
  )
  const faults: string[] = []
  const own = askDirectly(lab.lab.answers, lab.lab.own, new AbortController().signal)
  for (const each of columns)
    for (const value of SPOILT[each.kind]) {
      let mend: () => void
      try {
        mend = spoil(each, value)
      } catch (error) {
        // What an index computes of the column keeps SQL from writing there what only a disk can; see below.
        expect((error as Error).message).toMatch(/malformed JSON|cannot store|NOT NULL/)
        continue
      }
      const say = (what: string, error: unknown): void => {
        const { code, expected, found } = (error instanceof LabError ? error.toJSON() : { code: String(error) }) as LabErrorData
        faults.push(`${each.table}.${each.column} = ${String(value)}: ${what}: ${code} ${expected} ${found}`)
      }
      for (const [name, ask] of Object.entries(asked))
        if (value === SPOILT[each.kind][0] || !/^(thinking|exports)\./.test(name) || OF_ROLLOUTS.has(each.table))
          for (const answer of await Promise.allSettled(ask(lab.client)))
            if (answer.status === 'rejected' && !(each.table === 'provenances' && NAMES_PROVENANCE.has(name))) say(name, answer.reason)
      for (const [name, ask] of Object.entries(askedByCommands))
        for (const answer of await Promise.allSettled(ask(own))) if (answer.status === 'rejected') say(name, answer.reason)
      for (const answer of await Promise.allSettled([...named(lab.client), own.follows.get({ followId: 1 })]))
        if (answer.status === 'rejected') {
          const error = answer.reason as LabError
          if (error.code !== 'workspace.badRow' || !new RegExp(` of ${each.table}\\b`).test(error.expected)) say('asked for by name', error)
        }
      mend()
    }
  expect(faults).toEqual([])
})

it('leaves out and names a step whose metrics a disk has changed; work that counts on every step is refused', async () => {
  const folder = join(lab.home, 'changed')
  const { runIds } = makeWorkspace(folder)
  const [runId] = runIds as [number]
  const file = join(folder, 'workspace.db')
  const at = readFileSync(file).indexOf('{"reward":0.2,')
  expect(at).toBeGreaterThan(0)
  const handle = openSync(file, 'r+')
  writeSync(handle, '{"reward"=', at)
  closeSync(handle)
  const heard: LabErrorData[] = []
  const store = openStore(folder, { onUnreadable: (error) => heard.push(error) })
  try {
    const { shown } = store
    expect(shown.steps.range(runId, 0, 9).map(({ step }) => step)).toEqual([1, 3, 4])
    expect(shown.steps.metricNames(runId)).toContain('reward')
    expect(shown.steps.series(runId, 'loss', 100).step).toEqual([1, 3, 4])
    expect(shown.runs.list().map(({ run }) => run.id)).toEqual(runIds)
    const named = expect.objectContaining({
      code: 'workspace.badRow',
      expected: `a readable metrics in the row of steps with run id ${runId}, step 2`,
    })
    expect(heard).toEqual([named])
    expect(store.workspace().unreadable).toEqual([named])
    expect(() => store.steps.range(runId, 0, 9)).toThrow('step 2')
  } finally {
    store.close()
  }
})
