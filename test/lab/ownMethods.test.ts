// What only a command asks, as its laboratory answers it: held to its schema, written where it says, ended by its job where somebody still waits.
import { appendFileSync, existsSync, mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ownMethods, type OwnClient } from '../../src-preload/contract.ts'
import { askDirectly } from '../../src-main/lab/answers/answer.ts'
import type { Experiments } from '../../src-main/lab/process/experiments.ts'
import { fakeExperiments } from './fakeExperiments.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'

const refused = (code: string) => expect.objectContaining({ code })

let lab: LocalLab
let client: OwnClient
beforeAll(async () => {
  const experiments: Experiments = {
    ...fakeExperiments,
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

describe('a file at a place of choice', () => {
  const asked = () => ({ kind: 'metrics', runId: lab.filled.runIds[0]! }) as const

  it('is written there, or into a folder under the name that says what it holds', async () => {
    const there = join(lab.home, 'there.jsonl')
    const given = ownMethods.exports.save.output.parse(await client.exports.save({ asked: asked(), path: there, inside: false }))
    expect(given).toMatchObject({ file: there, bytes: statSync(there).size })
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
    expect(brought.report.roles).toMatchObject([{ roles: { problem: 'question', answer: 'answer' } }])
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
    expect(whole).toMatchObject({ rows: 3, rollouts: 3, files: [{ path: 'rows.jsonl' }] })
    await client.follows.takeBack({ followId: id })
    expect(await client.runs.list()).toHaveLength(before.length)
    await expect(client.follows.look({ followId: id })).rejects.toThrow(refused('follow.unknown'))
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
    const { studyId, plan } = await opened('headline', 2)
    expect(plan).toMatchObject({ cells: 2, open: 2, assumed: true })
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
    expect(known).toMatchObject([
      { id: studyId, steps: 2, learningRate: 1e-4, cells: [{ arm: 'outcome', seed: 1, sweep: false, status: 'finished' }, { seed: 2 }] },
    ])
    expect(await client.studies.status({ name: 'another' })).toEqual([])
  })

  it('pauses before its next cell once its time is over, and refuses a record that is none', async () => {
    const { studyId } = await opened('alpha', 2)
    await client.studies.work({ studyId, arms: null, seeds: 2, beside: null, untilMs: null })
    expect((await opened('alpha', 3)).plan).toMatchObject({ cells: 3, open: 1 })
    const asked = { studyId, arms: null, seeds: 3, beside: null, untilMs: 0 }
    expect(await client.studies.work(asked)).toBe(false)
    const known = await client.studies.status({ name: null })
    expect(known.find(({ id }) => id === studyId)).toMatchObject({ cells: [{}, {}, { status: 'waiting' }] })
    const none = join(lab.home, 'no record.json')
    writeFileSync(none, '{"question":"1 + 1?"}')
    await expect(client.studies.work({ ...asked, beside: none })).rejects.toThrow(refused('study.record'))
  })
})
