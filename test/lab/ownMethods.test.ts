// What only a command asks, as its laboratory answers it: held to its schema, written where it says, ended by its job where somebody still waits.
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ownMethods, type Model, type OwnClient, type Tried } from '../../src-preload/contract.ts'
import { askDirectly } from '../../src-main/lab/answers/answer.ts'
import { rejectedFile } from '../../src-main/lab/files/keptAside.ts'
import type { Experiments } from '../../src-main/lab/process/experiments.ts'
import { withAdapters, writePeft } from '../../src-main/model/adapters.ts'
import { adapterSpecs } from '../../src-main/model/config.ts'
import { studyPresets } from '../../src-main/lab/study/presets.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { LITTLE_TEXT, writeLittleText } from '../model/littleText.ts'
import { fakeExperiments } from './fakeExperiments.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'
import { specOf } from './records.ts'

const refused = (code: string) => expect.objectContaining({ code })

let lab: LocalLab
let client: OwnClient
/** What the tasks were tried with. */
let triedWith: unknown
const triedAt = (name: string, level: string): Tried => ({
  name,
  level,
  problems: 4,
  right: 1,
  low: 0.1,
  high: 0.6,
  listed: 1,
  tokens: 9,
  forced: 0,
})
beforeAll(async () => {
  const experiments: Experiments = {
    ...fakeExperiments,
    async *tryTasks(_context, request) {
      triedWith = request
      for (const { name, level } of request.levels) yield await Promise.resolve(triedAt(name, level))
    },
    /** Writes until it is told to end, as a model does. */
    writeText: (_context, { key }, { signal, onEvent }) =>
      new Promise((done) => {
        onEvent?.({ kind: 'playground', key, text: 'So', tokens: 1, tokensPerSecond: 1 })
        signal!.addEventListener('abort', () =>
          done({
            model: 'm',
            text: 'So',
            promptTokens: 1,
            tokens: Int32Array.of(5),
            logps: Float32Array.of(-1),
            finish: 'cancelled',
            ms: 1,
          }),
        )
      }),
  }
  // As a command has it: no folder is looked at by itself.
  lab = await openLocalLab(experiments, { brief: true })
  client = askDirectly(lab.lab.answers, lab.lab.own, new AbortController().signal)
})
afterAll(() => lab.close())

describe('tasks that a command tries', () => {
  it('are told one by one, and given together, tried as it was asked', async () => {
    lab.events.length = 0
    const levels = [
      { name: 'countdown', level: '3' },
      { name: 'gcd', level: '2' },
    ]
    const how = { levels, problems: 4, thinkingTokens: 8, answerTokens: 4, temperature: 0.5, seed: 3 }
    const tried = levels.map(({ name, level }) => triedAt(name, level))
    expect(await client.tasks.try({ start: 'starter', examples: 2, ...how })).toEqual(tried)
    expect(triedWith).toEqual({ start: 'starter', format: { thoughts: 'auto', episodes: 'lines', examples: 2 }, ...how })
    expect(lab.events.filter(({ kind }) => kind === 'tried')).toEqual(
      tried.map((each) => ({ kind: 'tried', job: expect.stringMatching(/^measure-\d+$/) as unknown, tried: each })),
    )
  })
})

describe('a file at a place of choice', () => {
  const asked = () => ({ kind: 'metrics', runId: lab.filled.runIds[0]! }) as const

  it('is written there, or into a folder under the name that says what it holds', async () => {
    const there = join(lab.home, 'there.jsonl')
    const given = ownMethods.exports.save.output.parse(await client.exports.save({ asked: asked(), path: there, inside: false }))
    expect(given).toEqual({ file: there, bytes: statSync(there).size, rows: 4 })
    const { file } = await client.exports.save({ asked: asked(), path: lab.home, inside: true })
    expect([file.startsWith(join(lab.home, 'run-')), existsSync(file)]).toEqual([true, true])
  })

  it('of rollouts step by step is a folder under that name without its ending, whose bytes nobody counts', async () => {
    const rollouts = { kind: 'rollouts', filter: { runId: lab.filled.runIds[0]! }, as: 'trl', format: 'parquet' } as const
    const given = await client.exports.save({ asked: rollouts, path: lab.home, inside: true, perStep: true })
    expect(ownMethods.exports.save.output.parse(given)).toMatchObject({ bytes: null, rows: 16 })
    expect([statSync(given.file).isDirectory(), given.file.endsWith('-rollouts-trl')]).toEqual([true, true])
  })

  it('is asked for with a whole request', async () => {
    await expect(client.exports.save({ asked: asked(), path: '', inside: false })).rejects.toThrow(refused('call.badInput'))
  })
})

const bring = (file: string, name: string) =>
  client.imports.bring({
    paths: [file],
    as: null,
    map: {},
    identity: 'prompt',
    table: null,
    name,
    grader: null,
    keepDuplicates: false,
    allowEmpty: false,
  })

describe('rows that a command brings in', () => {
  it('come with everything that was found out about them', async () => {
    const file = join(lab.home, 'sums.jsonl')
    writeFileSync(file, '{"question":"1 + 1?","answer":"2"}\n{"question":\n{"question":"1 + 2?","answer":"3"}\n')
    expect(await client.imports.isModel({ path: file })).toBe(false)
    const brought = await bring(file, 'sums')
    expect(ownMethods.imports.bring.output.parse(brought)).toEqual(brought)
    expect(brought).toMatchObject({
      report: {
        kind: 'dataset',
        rows: 3,
        imported: 2,
        rejectedRows: 1,
        rejected: [{ file, line: 2 }],
        files: [{ path: file }],
        identity: null,
      },
      runId: null,
    })
    expect(existsSync(brought.rejectedFile)).toBe(true)
    const said = expect.stringMatching(/./) as unknown
    expect(brought.report.roles).toEqual([
      { file, roles: expect.objectContaining({ problem: 'question', answer: 'answer' }) as unknown, why: said },
    ])
    expect(brought.report).toMatchObject({ records: 2, grader: { grader: said, why: said }, notes: [] })
    expect(brought.report.rejected).toEqual([{ file, line: 2, rows: 1, code: 'row.notJson', reason: said, text: '{"question":' }])
    expect(await lab.client.datasets.get({ datasetId: brought.datasetId! })).toMatchObject({ name: 'sums', problemCount: 2 })
  })

  it('come with what should be known of each file besides, and of those that were left out', async () => {
    const folder = join(lab.home, 'linked')
    mkdirSync(folder)
    writeFileSync(join(folder, 'linked.jsonl'), '{"question":"1 + 1?","answer":"2","link":"x"}\n')
    writeFileSync(join(folder, 'other.jsonl'), '{"a":1}\n')
    const { report } = await bring(folder, 'linked')
    expect(report.files.map(({ notes }) => notes)).toEqual([
      [{ code: 'columns.unused', message: expect.stringContaining('link') as unknown }],
    ])
    expect(report.notes).toEqual([{ code: 'file.skipped', message: expect.stringContaining('other.jsonl') as unknown }])
    expect(Object.keys(report.files[0]!).sort()).toEqual(
      ['path', 'bytes', 'sha256', 'format', 'compression', 'source', 'rows', 'imported', 'rejected', 'notes'].sort(),
    )
  })

  it('are refused where none came, unless none had to', async () => {
    const file = join(lab.home, 'unanswered.jsonl')
    writeFileSync(file, '{"problem":"a?","answer":"notfound"}\n')
    const asked = {
      paths: [file],
      as: null,
      map: {},
      identity: 'prompt' as const,
      table: null,
      name: null,
      grader: null,
      keepDuplicates: false,
    }
    await expect(client.imports.bring({ ...asked, allowEmpty: false })).rejects.toThrow(refused('import.nothing'))
    expect(await client.imports.bring({ ...asked, allowEmpty: true })).toMatchObject({ datasetId: null, runId: null })
  })
})

describe('rollouts that a command brings in', () => {
  it('say as what their problems were told apart, and name no grader', async () => {
    const file = join(lab.home, 'brought.jsonl')
    writeFileSync(file, [0, 1].map((reward) => `${JSON.stringify({ prompt: '1 + 1?', completion: `${reward}`, reward })}\n`).join(''))
    const brought = await bring(file, 'brought')
    expect(brought).toMatchObject({
      report: {
        kind: 'rollouts',
        rows: 2,
        imported: 2,
        grader: null,
        roles: [],
        identity: { by: 'prompt', byPrompt: 1, collisions: 0, examples: [] },
      },
      runId: expect.any(Number) as unknown,
    })
  })
})

describe('a folder that a command looks at', () => {
  it('gives what is new with each look, and is as if it had never been followed once it is taken back', async () => {
    const folder = join(lab.home, 'followed')
    mkdirSync(folder)
    const row = (n: number): string => `${JSON.stringify({ prompt: `${n}?`, completion: 'a', reward: 1, step: 1 })}\n`
    /** Written a while ago: what was written just now may still be being written. */
    const write = (text: string): void => {
      const file = join(folder, 'rows.jsonl')
      appendFileSync(file, text)
      utimesSync(file, 1, statSync(file).size)
    }
    write(row(1))
    const before = await client.runs.list()
    const { id } = await client.follows.start({ path: folder })
    const looked = await client.follows.look({ followId: id })
    expect(looked).toMatchObject({ state: 'there', rows: 1, rollouts: 1, read: ['rows.jsonl'] })
    expect(ownMethods.follows.look.output.parse(looked)).toMatchObject({ putOff: 0 })
    write(row(2) + row(3))
    expect(await client.follows.look({ followId: id })).toMatchObject({ rows: 2 })
    const whole = await client.follows.get({ followId: id })
    expect(ownMethods.follows.get.output.parse(whole)).toEqual(whole)
    expect(whole).toMatchObject({
      rows: 3,
      rollouts: 3,
      files: [{ path: 'rows.jsonl' }],
      rejectedFile: rejectedFile(lab.folder, whole.importId),
    })
    await client.follows.takeBack({ followId: id })
    expect(await client.runs.list()).toHaveLength(before.length)
    await expect(client.follows.look({ followId: id })).rejects.toThrow(refused('follow.unknown'))
  })
})

describe('a model that a command brings in', () => {
  const little = async (name: string, sharpness: number): Promise<Model> => {
    const path = writeLittleText(join(lab.home, `${name}.gguf`), sharpness)
    return client.models.import({ path, name, base: null })
  }

  it('is given as it is on record then; adapters are put on the model that is named', async () => {
    const base = await little('base', 7)
    expect(ownMethods.models.import.output.parse(base)).toMatchObject({ name: 'base', kind: 'gguf' })
    expect(await client.imports.isModel({ path: join(lab.home, 'base.gguf') })).toBe(true)
    const config = withAdapters(LITTLE_TEXT, { rank: 2, alpha: 4, targets: ['q'] })
    const adapters = new Map(adapterSpecs(config).map(({ name, dims }) => [name, new Float32Array(dims[0]! * dims[1]!).fill(0.5)]))
    await writePeft(join(lab.home, 'peft'), config, adapters, 'base')
    expect(await client.models.import({ path: join(lab.home, 'peft'), name: null, base: base.id })).toMatchObject({
      name: 'peft',
      kind: 'checkpoint',
      provenance: { meta: { base: { name: 'base' } } },
    })
  })

  it('leaves as a folder of other libraries, and a run of it for other trainers', async () => {
    const { id } = await little('leaving', 8)
    const folder = join(lab.home, 'exported')
    const exported = await client.models.export({ name: `model:${id}`, folder, adapters: false })
    expect(ownMethods.models.export.output.parse(exported)).toMatchObject({ folder, base: 'leaving' })
    expect(readdirSync(folder).sort()).toEqual([...exported.files].sort())
    const { runs } = lab.lab.workspaces.store()
    const { id: _id, uid: _uid, ...near } = runs.get(lab.filled.runIds[0]!)!
    const task = { name: 'arithmetic', options: { level: '2' } }
    const { id: runId } = runs.add({ ...near, config: specOf('dr-grpo', 1, { start: `model:${id}`, task }) as never })
    const handed = await client.runs.handOver({ runId, folder: join(lab.home, 'handed') })
    expect(ownMethods.runs.handOver.output.parse(handed)).toMatchObject({ folder: join(lab.home, 'handed') })
    expect(
      readFileSync(join(lab.home, 'handed', 'problems.jsonl'), 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(handed.problems)
  })
})

describe('a sample that a command makes', () => {
  it('is a workspace of the runs that were named, with so many of their steps', async () => {
    const store = lab.lab.workspaces.store()
    const runId = lab.filled.runIds[3]!
    for (const { id } of store.checkpoints.ofRun(runId)) store.checkpoints.remove(id)
    const folder = join(lab.home, 'sample')
    expect(await client.workspaces.sample({ folder, runIds: [runId], everySteps: 3, groups: 1, evaluationProblems: 1 })).toBeNull()
    const sample = openStore(folder, { program: 'test' })
    try {
      expect(sample.runs.list().map(({ run, rolloutCount }) => [run.uid, rolloutCount])).toEqual([[store.runs.get(runId)!.uid, 12]])
    } finally {
      sample.close()
    }
  })
})

describe('a text that a command asks for', () => {
  it('is told while it is written, and given as far as it came where its job is cancelled', async () => {
    const writing = client.playground.write({
      key: 'k',
      modelId: 1,
      prompt: 'Well',
      system: null,
      raw: true,
      maxTokens: 9,
      temperature: 0,
      seed: 1,
    })
    while (!lab.events.some(({ kind }) => kind === 'playground')) await new Promise((soon) => setTimeout(soon, 5))
    const [job] = await client.jobs.list()
    await client.jobs.cancel({ jobId: job!.id })
    const written = await writing
    expect(ownMethods.playground.write.output.parse(written)).toEqual(written)
    expect(written).toMatchObject({ text: 'So', finish: 'cancelled' })
    expect(lab.events).toContainEqual({ kind: 'playground', key: 'k', text: 'So', tokens: 1, tokensPerSecond: 1 })
  })
})

describe('a job that a command waits for', () => {
  it('is ended once the command waits no longer', async () => {
    const stop = new AbortController()
    lab.events.length = 0
    const asked = { key: 'left', modelId: 1, prompt: 'Well', system: null, raw: true, maxTokens: 9, temperature: 0, seed: 1 }
    const writing = client.playground.write(asked, { signal: stop.signal })
    while (!lab.events.some(({ kind }) => kind === 'playground')) await new Promise((soon) => setTimeout(soon, 5))
    expect(await client.jobs.list()).toMatchObject([{ kind: 'playground', label: 'Writing with model 1' }])
    stop.abort()
    await expect(writing).rejects.toThrow(refused('call.cancelled'))
    while ((await client.jobs.list()).length > 0) await new Promise((soon) => setImmediate(soon))
  })
})

describe('a study that a command works on', () => {
  const size = { arms: ['outcome'], steps: 2, problems: 8, samples: 2, validation: 4, learningRate: 1e-4, start: null, beside: null }
  const opened = (name: string, seeds: number) => client.studies.open({ name, seeds, ...size })

  it('is opened with what is known of it, worked through, and told cell by cell as it is on record', async () => {
    const { studyId, title, plan } = await opened('headline', 2)
    expect([title, plan]).toEqual([studyPresets.headline!.title, expect.objectContaining({ cells: 2, open: 2, assumed: true })])
    expect(lab.lab.workspaces.store().studies.get(studyId)!.environment).toEqual({ cores: 2 })
    lab.events.length = 0
    expect(await client.studies.work({ studyId, arms: ['outcome'], seeds: 2, beside: null, untilMs: null })).toBe(true)
    const cell = { kind: 'cell', title: 'outcome', count: 2, error: '' }
    expect(lab.events.filter(({ kind }) => kind === 'cell')).toEqual(
      [0, 1].flatMap((index) => [
        { ...cell, state: 'begins', index, remainingMs: 7 - index, finished: false, wallMs: 0 },
        { ...cell, state: 'ends', index, remainingMs: 7 - index, finished: true, wallMs: expect.any(Number) as unknown },
      ]),
    )
    const known = await client.studies.status({ name: 'headline' })
    expect(ownMethods.studies.status.output.parse(known)).toEqual(known)
    const { studies } = lab.lab.workspaces.store()
    const { uid, conditions } = studies.get(studyId)!
    expect(known).toEqual([
      {
        id: studyId,
        uid,
        name: 'headline',
        conditions,
        steps: 2,
        problems: 8,
        learningRate: 1e-4,
        remainingMs: 0,
        cells: studies
          .cells(studyId)
          .map(({ seed, wallMs }) => ({
            arm: 'outcome',
            title: 'outcome RL (Dr. GRPO)',
            sweep: false,
            seed,
            status: 'finished',
            run: null,
            steps: 0,
            wallMs,
          })),
      },
    ])
    expect(known[0]!.cells.map(({ seed }) => seed)).toEqual([1, 2])
    expect(await client.studies.status({ name: 'another' })).toEqual([])
  })

  it('says how far the run of a cell is, which cells are a sweep, and what went wrong with one', async () => {
    const store = lab.lab.workspaces.store()
    const conditions = { steps: 9, problems: 8, samples: 2, validation: 4, learningRate: 'sweep', checkpointEvery: 1, changes: {} }
    const { id } = store.studies.add({ name: 'tomorrow', title: 'A study', conditions, environment: {}, createdAtMs: 1 })
    store.studies.addCells(id, [
      { arm: 'outcome at rate 0.001', seed: 1000, spec: { steps: 1 } },
      { arm: 'outcome', seed: 1, spec: { steps: 1 } },
    ])
    const [sweep, cell] = store.studies.cells(id)
    store.studies.setRun(sweep!.id, lab.filled.runIds[0]!)
    store.studies.setNotes(cell!.id, { error: 'went wrong' })
    const [known] = await client.studies.status({ name: 'tomorrow' })
    expect(known!.cells.map(({ arm, title, sweep: isSweep, run, steps }) => [arm, title, isSweep, run, steps])).toEqual([
      ['outcome at rate 0.001', 'outcome, sweep at 0.001', true, lab.filled.runIds[0], 4],
      ['outcome', 'outcome', false, null, 0],
    ])
    expect(known!.remainingMs).toBeNull()
    lab.events.length = 0
    await client.studies.work({ studyId: id, arms: null, seeds: 1, beside: null, untilMs: null })
    expect(lab.events.flatMap((event) => (event.kind === 'cell' ? [event.error] : []))).toEqual(['went wrong', 'went wrong'])
    await expect(client.studies.work({ studyId: 999, arms: null, seeds: 1, beside: null, untilMs: null })).rejects.toThrow(
      refused('study.unknown'),
    )
  })

  it('pauses before its next cell once its time is over, and refuses a record that is none', async () => {
    const { studyId } = await opened('alpha', 2)
    await client.studies.work({ studyId, arms: null, seeds: 2, beside: null, untilMs: null })
    expect((await opened('alpha', 3)).plan).toMatchObject({ cells: 3, open: 1 })
    const asked = { studyId, arms: null, seeds: 3, beside: null, untilMs: 0 }
    expect(await client.studies.work(asked)).toBe(false)
    const known = await client.studies.status({ name: null })
    expect(known.find(({ id }) => id === studyId)).toMatchObject({ cells: [{}, {}, { status: 'waiting' }] })
    expect(await client.studies.work({ ...asked, untilMs: Date.now() + 3_600_000 })).toBe(true)
    const none = join(lab.home, 'no record.json')
    writeFileSync(none, '{"question":"1 + 1?"}')
    await expect(client.studies.work({ ...asked, beside: none })).rejects.toThrow(refused('study.record'))
    await expect(client.studies.open({ name: 'alpha', seeds: 3, ...size, beside: none })).rejects.toThrow(refused('study.record'))
    const files = { report: join(lab.home, 'never.md'), record: join(lab.home, 'never.json') }
    await expect(client.studies.write({ studyId, beside: none, ...files })).rejects.toThrow(refused('study.record'))
    await expect(client.studies.write({ studyId: 999, beside: null, ...files })).rejects.toThrow(refused('study.unknown'))
    expect(existsSync(files.report)).toBe(false)
  })

  it('is written down where it is asked to be, and goes on from there in another place', async () => {
    const { studyId } = await opened('controls', 2)
    await client.studies.work({ studyId, arms: ['outcome'], seeds: 1, beside: null, untilMs: null })
    const [report, record] = ['report.md', 'record.json'].map((name) => join(lab.home, 'written', name)) as [string, string]
    const { text, finished } = await client.studies.write({ studyId, beside: null, report, record })
    expect([readFileSync(report, 'utf8'), finished, text.startsWith('# ')]).toEqual([text, false, true])
    expect(JSON.parse(readFileSync(record, 'utf8'))).toMatchObject({
      study: 'controls',
      cells: [{ seed: 1, status: 'finished' }, { seed: 2 }],
    })
    // What the record holds is not worked on.
    const { plan } = await client.studies.open({ name: 'controls', seeds: 3, ...size, beside: record })
    expect(plan).toMatchObject({ cells: 3, open: 2 })
  })
})
