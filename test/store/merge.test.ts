// Two workspaces made apart become one: every record of a run arrives under new ids, what is the same is not doubled, and the other
// workspace is as it was.
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { AT_MS, fill, makeWorkspace } from '../lab/records.ts'
import { mergedTables } from '../../src-main/store/merge.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import { MIGRATIONS } from '../../src-main/store/schema.ts'
import { newModel, newRun, rolloutOf, stepOf, temporaryFolder, thrownBy } from './records.ts'

const now = (): number => AT_MS + 1

/** Path and hash of every file of a folder. */
const contentsOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true })
      .map(String)
      .sort()
      .filter((path) => statSync(join(folder, path)).isFile())
      .map((path) => [
        path,
        createHash('sha256')
          .update(readFileSync(join(folder, path)))
          .digest('hex'),
      ]),
  )

function open(folder: string): Store {
  const store = openStore(folder, { create: true, now })
  onTestFinished(() => store.close())
  return store
}

/** A filled workspace whose checkpoints have files. */
function other(): string {
  const folder = join(temporaryFolder(), 'other')
  const { runIds } = makeWorkspace(folder)
  for (const id of runIds) {
    mkdirSync(join(folder, 'checkpoints', `c${id}`), { recursive: true })
    writeFileSync(join(folder, 'checkpoints', `c${id}`, 'weights'), `weights ${id}`)
  }
  return folder
}

/** All that is known about the runs of a store, with ids replaced by what they stand for. */
function describeRuns(store: Store): unknown {
  const uidOf = new Map(store.runs.list().map(({ run }) => [run.id, run.uid]))
  return store.runs.list().map(({ run, rolloutCount }) => ({
    ...run,
    id: 0,
    modelId: store.models.get(run.modelId!)!.sha256,
    datasetId: store.datasets.get(run.datasetId!)!.name,
    parentRunId: run.parentRunId === null ? null : uidOf.get(run.parentRunId),
    rolloutCount,
    steps: store.steps.range(run.id, 0, 100).map((step) => ({ ...step, runId: 0 })),
    rollouts: store.rollouts
      .page({ filter: { runId: run.id }, sort: 'place', descending: false, limit: 1000, after: null })
      .rollouts.map(({ id }) => {
        const { rollout, problem, ...body } = store.rollouts.detail(id)!
        return { ...body, rollout: { ...rollout, id: 0, runId: 0, problemId: 0 }, problem: { ...problem, id: 0, datasetId: 0 } }
      }),
    evaluations: store.evaluations
      .ofRun(run.id)
      .map((evaluation) => ({
        ...evaluation,
        id: 0,
        runId: 0,
        modelId: 0,
        datasetId: 0,
        checkpointId: 0,
        points: store.evaluations.points(evaluation.id),
        results: store.evaluations
          .results(evaluation.id)
          .map((result) => ({ ...result, problemId: store.datasets.problem(result.problemId)!.key })),
      })),
    checkpoints: store.checkpoints.ofRun(run.id).map((checkpoint) => ({ ...checkpoint, id: 0, runId: 0, modelId: 0 })),
    events: store.events
      .ofRun(run.id, null, 0, 100)
      .map(({ data, ...event }) => ({ ...event, id: 0, runId: 0, data: JSON.stringify(data).replace(/"runId":\d+/, '"runId":0') })),
  }))
}

describe('a merge', () => {
  it('brings everything about a run into an empty workspace, and its files', async () => {
    const from = other()
    const into = open(join(temporaryFolder(), 'into'))
    const done = await into.others.merge(from, { uids: null, now })
    const source = open(from)
    expect(describeRuns(into)).toEqual(describeRuns(source))
    expect(done).toMatchObject({
      skipped: [],
      added: { datasets: 1, problems: 4, models: 1, steps: 16, rollouts: 64, evaluations: 5, checkpoints: 4, events: 4 },
      missingCheckpoints: 0,
    })
    expect(readFileSync(join(into.checkpointsFolder, 'c1', 'weights'), 'utf8')).toBe('weights 1')
  })

  it('gives new ids beside runs that are there, and the same problems and weights their old ones', async () => {
    const from = other()
    const folder = join(temporaryFolder(), 'into')
    const { problemIds, runIds } = makeWorkspace(folder)
    const into = open(folder)
    const done = await into.others.merge(from, { uids: null, now })
    expect(done.added).toMatchObject({ datasets: 0, problems: 0, models: 0, rollouts: 64 })
    expect(done.runs.map(({ id }) => id)).toEqual(runIds.map((id) => id + runIds.length))
    const [moved] = into.rollouts.page({
      filter: { runId: done.runs[0]!.id },
      sort: 'place',
      descending: false,
      limit: 1,
      after: null,
    }).rollouts
    expect(problemIds).toContain(moved!.problemId)
    expect(into.workspace().counts).toMatchObject({ runs: 8, datasets: 1, models: 1, rollouts: 128 })
    // Runs of both are one configuration, and can be compared on the same problems.
    expect(into.runs.group('dr-grpo')).toHaveLength(4)
    const [first, second] = [into.evaluations.ofRun(runIds[0]!)[0]!, into.evaluations.ofRun(done.runs[0]!.id)[0]!]
    expect(into.evaluations.paired(first.id, second.id)).toHaveLength(4)
    expect(
      into.rollouts.page({ filter: { text: 'Wait', runId: done.runs[0]!.id }, sort: 'place', descending: false, limit: 100, after: null })
        .rollouts,
    ).toHaveLength(16)
  })

  it('done twice adds nothing the second time', async () => {
    const from = other()
    const into = open(join(temporaryFolder(), 'into'))
    await into.others.merge(from, { uids: null, now })
    const before = describeRuns(into)
    const again = await into.others.merge(from, { uids: null, now })
    expect(again.runs).toEqual([])
    expect(again.skipped).toHaveLength(4)
    expect(Object.values(again.added).every((count) => count === 0)).toBe(true)
    expect(describeRuns(into)).toEqual(before)
    expect(into.others.inspect(from).runs.map(({ here }) => here)).toEqual([1, 2, 3, 4])
  })

  it('leaves the other workspace exactly as it was, file by file', async () => {
    const from = other()
    const before = contentsOf(from)
    const into = open(join(temporaryFolder(), 'into'))
    into.others.inspect(from)
    await into.others.merge(from, { uids: null, now })
    expect(contentsOf(from)).toEqual(before)
  })

  it('reads a workspace that somebody is writing to, up to what was committed', async () => {
    const from = other()
    const writer = openStore(from, { now })
    onTestFinished(() => writer.close())
    writer.runs.add(newRun({ name: 'just added', datasetId: 1, modelId: 1 }))
    const into = open(join(temporaryFolder(), 'into'))
    const { runs } = await into.others.merge(from, { uids: null, now })
    expect(runs.map(({ name }) => name)).toContain('just added')
  })

  it('takes only the runs that were asked for, with what they need', async () => {
    const from = other()
    const into = open(join(temporaryFolder(), 'into'))
    const [first] = into.others.inspect(from).runs
    const done = await into.others.merge(from, { uids: [first!.uid], now })
    expect(done.runs.map(({ uid }) => uid)).toEqual([first!.uid])
    expect(done.added).toMatchObject({ steps: 4, rollouts: 16, evaluations: 2, checkpoints: 1, events: 1 })
    expect(readdirSync(into.checkpointsFolder)).toEqual(['c1'])
  })

  it('renumbers ids inside settings, and names by its folder a checkpoint that stayed behind', async () => {
    const from = other()
    const source = openStore(from, { now })
    const checkpoint = source.checkpoints.ofRun(1)[0]!.id
    const branched = source.runs.add(
      newRun({ name: 'branch', datasetId: 1, modelId: 1, parentRunId: 1, parentStep: 4, config: { start: `checkpoint:${checkpoint}` } }),
    )
    source.close()
    const folder = join(temporaryFolder(), 'into')
    makeWorkspace(folder)
    const into = open(folder)
    const alone = await into.others.merge(from, { uids: [branched.uid], now })
    expect(into.runs.get(alone.runs[0]!.id)).toMatchObject({ parentRunId: null, config: { start: join(from, 'checkpoints', 'c1') } })

    const together = open(join(temporaryFolder(), 'together'))
    const both = await together.others.merge(from, { uids: null, now })
    const run = together.runs.get(both.runs.at(-1)!.id)!
    const parent = together.runs.get(run.parentRunId!)!
    expect(parent.uid).toBe(branched.parentRunId === 1 ? together.others.inspect(from).runs[0]!.uid : '')
    expect(run.config).toEqual({ start: `checkpoint:${together.checkpoints.ofRun(parent.id)[0]!.id}` })
  })

  it('renumbers the model that a run starts from and the imported set that it is trained on', async () => {
    const from = other()
    const into = open(join(temporaryFolder(), 'into'))
    const source = open(from)
    const model = source.models.add(newModel('text', 'text'))
    const dataset = source.datasets.add({
      name: 'sums',
      kind: 'imported',
      source: null,
      roles: null,
      grader: 'integer',
      note: '',
      createdAtMs: AT_MS,
    })
    source.datasets.addProblems(dataset, [{ key: 'a', split: 'train', prompt: '1 + 1?', answer: '2', level: null, slices: {} }])
    const { uid } = source.runs.add(
      newRun({ modelId: model, datasetId: dataset, config: { start: `model:${model}`, task: { name: 'dataset', options: { dataset } } } }),
    )
    source.close()
    // Something is here already, so that ids differ.
    for (const name of ['a', 'b', 'c', 'd']) {
      into.datasets.add({ name, kind: 'imported', source: name, roles: null, grader: 'integer', note: '', createdAtMs: AT_MS })
      into.models.add(newModel(name, name))
    }
    await into.others.merge(from, { uids: [uid], now })
    const run = into.runs
      .list()
      .map((each) => each.run)
      .find((each) => each.uid === uid)!
    expect(run.config).toMatchObject({ start: `model:${run.modelId}`, task: { options: { dataset: run.datasetId } } })
    expect([into.models.get(run.modelId!)!.name, into.datasets.get(run.datasetId!)!.name]).toEqual(['text', 'sums'])
  })

  it('knows of every table of the schema what becomes of it', () => {
    const file = join(temporaryFolder(), 'schema')
    openStore(file, { create: true, now }).close()
    const database = new Database(join(file, 'workspace.db'), { readonly: true })
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'rollout_text%'")
      .pluck()
      .all()
    database.close()
    expect(tables.sort()).toEqual([...mergedTables.brought, ...mergedTables.stays].sort())
  })

  it('points the health messages of a run at the run under its new id', async () => {
    const from = other()
    const folder = join(temporaryFolder(), 'into')
    makeWorkspace(folder)
    const into = open(folder)
    const { runs } = await into.others.merge(from, { uids: null, now })
    const [event] = into.events.ofRun(runs[0]!.id, 'health', 0, 10)
    expect(event!.data).toMatchObject({ rollouts: { runId: runs[0]!.id } })
  })

  it('keeps apart data sets of one name that disagree about a problem', async () => {
    const from = other()
    const source = openStore(from, { now })
    source.close()
    const folder = join(temporaryFolder(), 'into')
    const into = open(folder)
    const dataset = into.datasets.add({
      name: 'countdown-3',
      kind: 'procedural',
      source: {},
      roles: null,
      grader: 'countdown',
      note: '',
      createdAtMs: AT_MS,
    })
    into.datasets.addProblems(dataset, [{ key: 'p1', split: 'heldout', prompt: 'another problem', answer: 1, level: null, slices: {} }])
    const { added } = await into.others.merge(from, { uids: null, now })
    expect(added).toMatchObject({ datasets: 1, problems: 4 })
    expect(into.datasets.get(dataset)!.problemCount).toBe(1)
  })

  it('takes imported sets for one only where they agree problem for problem', async () => {
    const problem = (key: string, answer = '1') => ({ key, split: 'imported', prompt: key, answer, level: null, slices: {} })
    const imported = (store: Store, ...problems: readonly ReturnType<typeof problem>[]): number => {
      const id = store.datasets.add({ name: 's', kind: 'imported', source: null, roles: null, grader: 'g', note: '', createdAtMs: 1 })
      store.datasets.addProblems(id, problems)
      return id
    }
    const from = open(join(temporaryFolder(), 'from'))
    imported(from, problem('a'), problem('b'))
    from.close()
    for (const [here, added] of [
      [[problem('a'), problem('b')], { datasets: 0, problems: 0 }],
      [[problem('a')], { datasets: 1, problems: 2 }],
      [[problem('a'), problem('b'), problem('c')], { datasets: 1, problems: 2 }],
      [[problem('a'), problem('b', '2')], { datasets: 1, problems: 2 }],
      [[problem('a'), problem('c')], { datasets: 1, problems: 2 }],
    ] as const) {
      const into = open(join(temporaryFolder(), 'into'))
      imported(into, ...here)
      expect((await into.others.merge(from.folder, { uids: null, now })).added).toMatchObject(added)
    }
  })

  it('brings the files of models that lie inside the workspace, once, and doubles no model whose weights are known', async () => {
    const from = open(join(temporaryFolder(), 'from'))
    mkdirSync(join(from.folder, 'models', 'inside'), { recursive: true })
    writeFileSync(join(from.folder, 'models', 'inside', 'weights'), 'inside')
    writeFileSync(join(from.folder, 'models', 'one.gguf'), 'one file')
    const elsewhere = join(temporaryFolder(), 'elsewhere')
    mkdirSync(elsewhere)
    const paths = ['models/inside', 'models/one.gguf', 'models/gone', elsewhere]
    for (const path of paths) from.models.add(newModel(path, path))
    from.models.add(newModel('unknown weights', ''))
    from.close()
    const into = open(join(temporaryFolder(), 'into'))
    into.models.add(newModel('mine', 'models/gone'))
    into.models.add(newModel('unknown weights', ''))
    const { added } = await into.others.merge(from.folder, { uids: null, now })
    expect(added.models).toBe(4)
    expect(into.models.list().map(({ path }) => path)).toEqual([
      'mine',
      'unknown weights',
      ...paths.filter((path) => path !== 'models/gone'),
      'unknown weights',
    ])
    expect(readFileSync(join(into.folder, 'models', 'inside', 'weights'), 'utf8')).toBe('inside')
    expect(readFileSync(join(into.folder, 'models', 'one.gguf'), 'utf8')).toBe('one file')
    expect(readdirSync(join(into.folder, 'models')).sort()).toEqual(['inside', 'one.gguf'])
  })

  it('brings evaluations of weights that no run trained once, and of those only what belongs to the runs asked for', async () => {
    const from = other()
    const runs = (store: Store): number => store.evaluations.list().filter(({ runId }) => runId === null).length
    const into = open(join(temporaryFolder(), 'into'))
    await into.others.merge(from, { uids: null, now })
    const brought = runs(into)
    expect(brought).toBe(1)
    const source = openStore(from, { now })
    const known = source.evaluations.list().find(({ runId }) => runId === null)!
    source.evaluations.add({ ...known, createdAtMs: known.createdAtMs + 1 })
    source.close()
    expect((await into.others.merge(from, { uids: null, now })).added.evaluations).toBe(1)
    expect(runs(into)).toBe(2)
  })

  it('takes an interrupted run for what it is, and says which checkpoints had lost their files', async () => {
    const from = other()
    const source = openStore(from, { now })
    source.runs.setStatus(2, 'running', AT_MS)
    source.checkpoints.add({
      contentId: 'gone',
      runId: 2,
      step: 3,
      kind: 'full',
      modelId: 1,
      bytes: 1,
      resumable: true,
      pinned: false,
      createdAtMs: AT_MS,
    })
    const into = open(join(temporaryFolder(), 'into'))
    const { missingCheckpoints, runs } = await into.others.merge(from, { uids: null, now })
    source.close()
    expect(missingCheckpoints).toBe(1)
    expect(into.runs.get(runs[1]!.id)!.status).toBe('interrupted')
    expect(into.checkpoints.ofRun(runs[1]!.id).map(({ contentId }) => contentId)).toEqual(['c2'])
  })

  it('cancelled half way leaves nothing behind', async () => {
    const from = other()
    const into = open(join(temporaryFolder(), 'into'))
    const abort = new AbortController()
    await expect(into.others.merge(from, { uids: null, now, signal: abort.signal, told: () => abort.abort() })).rejects.toThrow()
    expect(into.workspace().counts).toEqual({ datasets: 0, models: 0, runs: 0, rollouts: 0, evaluations: 0, checkpoints: 0 })
    expect(readdirSync(into.checkpointsFolder)).toEqual([])
    expect(readdirSync(into.folder).filter((name) => name.startsWith('.merging'))).toEqual([])
    // And the next one works.
    expect((await into.others.merge(from, { uids: null, now })).runs).toHaveLength(4)
  })

  it('given up behind the first folder of weights takes that away again', async () => {
    const into = open(join(temporaryFolder(), 'into'))
    let came: string[] = []
    const signal = {
      throwIfAborted: () => {
        came = readdirSync(into.checkpointsFolder)
        if (came.length > 0) throw new Error('given up')
      },
    } as AbortSignal
    await expect(into.others.merge(other(), { uids: null, now, signal })).rejects.toThrow('given up')
    expect(came.length).toBe(1)
    expect(readdirSync(into.checkpointsFolder)).toEqual([])
  })

  it.each([
    ['a folder without a workspace', () => temporaryFolder(), 'workspace.missing'],
    [
      'a file that is no database',
      () => {
        const folder = temporaryFolder()
        writeFileSync(join(folder, 'workspace.db'), 'not a database at all, but long enough to look at twice'.repeat(30))
        return folder
      },
      'workspace.corrupt',
    ],
  ])('refuses %s', async (_what, make, code) => {
    const into = open(join(temporaryFolder(), 'into'))
    await expect(into.others.merge(make(), { uids: null, now })).rejects.toMatchObject({ code })
  })

  it('on a full disk says so and leaves nothing behind; with room it does all of it', async () => {
    const from = join(temporaryFolder(), 'large')
    makeWorkspace(from)
    const source = openStore(from, { now })
    const { id } = source.runs.list()[0]!.run
    const { problemId } = source.rollouts.page({ filter: { runId: id }, sort: 'place', descending: false, limit: 1, after: null })
      .rollouts[0]!
    const rollout = rolloutOf(problemId, { text: 'word '.repeat(2000) })
    for (let step = 101; step <= 220; step++) source.steps.record({ step: stepOf(id, step), rollouts: [rollout], events: [] })
    source.close()
    const folder = join(temporaryFolder(), 'into')
    const small = openStore(folder, { create: true, now, maxBytes: 1_000_000 })
    const empty = contentsOf(folder)
    await expect(small.others.merge(from, { uids: null, now })).rejects.toMatchObject({ code: 'workspace.full' })
    expect(small.workspace().counts).toMatchObject({ runs: 0, datasets: 0, rollouts: 0 })
    expect(Object.keys(contentsOf(folder))).toEqual(Object.keys(empty))
    small.close()
    const into = open(folder)
    expect((await into.others.merge(from, { uids: null, now })).added.rollouts).toBe(64 + 120)
  })

  it('brings an older workspace up to date in a copy, and leaves it as old as it was', async () => {
    const from = other()
    const before = contentsOf(from)
    const migrations = join(temporaryFolder(), 'migrations')
    cpSync(MIGRATIONS, migrations, { recursive: true })
    const newest = readdirSync(migrations).length + 1
    writeFileSync(
      join(migrations, `${String(newest).padStart(4, '0')}-colour.sql`),
      "ALTER TABLE runs ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'; UPDATE runs SET colour = 'red';",
    )
    const into = openStore(join(temporaryFolder(), 'into'), { create: true, now, migrations })
    onTestFinished(() => into.close())
    expect((await into.others.merge(from, { uids: null, now })).runs).toHaveLength(4)
    expect(into.workspace()).toMatchObject({ schema: newest, counts: { runs: 4, rollouts: 64 } })
    const merged = new Database(join(into.folder, 'workspace.db'), { readonly: true })
    expect(merged.prepare('SELECT DISTINCT colour FROM runs').pluck().all()).toEqual(['red'])
    merged.close()
    expect(contentsOf(from)).toEqual(before)
  })

  it('refuses the open workspace itself and a run that is not there, but not a copy of itself', async () => {
    const folder = join(temporaryFolder(), 'into')
    makeWorkspace(folder)
    const copy = join(temporaryFolder(), 'copy')
    cpSync(folder, copy, { recursive: true })
    const into = open(folder)
    await expect(into.others.merge(folder, { uids: null, now })).rejects.toMatchObject({ code: 'merge.same' })
    // A copy may have gone on by itself; what it has in common is here already.
    expect(await into.others.merge(copy, { uids: null, now })).toMatchObject({
      runs: [],
      skipped: [{}, {}, {}, {}],
      added: { rollouts: 0 },
    })
    await expect(into.others.merge(other(), { uids: ['nobody'], now })).rejects.toMatchObject({ code: 'merge.noRun' })
  })

  it('is refused where this workspace may only be read', async () => {
    const folder = join(temporaryFolder(), 'into')
    makeWorkspace(folder)
    const reader = openStore(folder, { readOnly: true })
    onTestFinished(() => reader.close())
    await expect(reader.others.merge(other(), { uids: null, now })).rejects.toMatchObject({ code: 'workspace.readOnly' })
    expect(thrownBy(() => reader.runs.add(newRun({ datasetId: 1 }))).code).toBe('workspace.readOnly')
  })

  it('does not copy the workspace while it is half merged', async () => {
    const from = other()
    const into = open(join(temporaryFolder(), 'into'))
    const target = join(into.folder, 'copy.db')
    let refused: Promise<unknown> | null = null
    await into.others.merge(from, {
      uids: null,
      now,
      told: () =>
        (refused ??= into.backUpTo(target).then(
          () => null,
          (error: unknown) => error,
        )),
    })
    expect(await refused).toMatchObject({ code: 'workspace.busy' })
    expect(existsSync(target)).toBe(false)
  })
})

describe('looking at another workspace', () => {
  it('lists its runs with what belongs to them', () => {
    const from = other()
    const into = open(join(temporaryFolder(), 'into'))
    expect(into.others.inspect(from)).toMatchObject({
      same: false,
      runs: [{ name: 'dr-grpo', seed: 1, steps: 4, rollouts: 16, evaluations: 1, checkpoints: 1, here: null }, {}, {}, {}],
    })
  })
})

// The helper fills a store that is open as well.
describe('a workspace that was filled while it was open', () => {
  it('is merged like any other', async () => {
    const source = open(join(temporaryFolder(), 'source'))
    fill(source)
    const into = open(join(temporaryFolder(), 'into'))
    expect((await into.others.merge(source.folder, { uids: null, now })).runs).toHaveLength(4)
  })
})
