// What a disk, a clock or a person does to a run between its steps: checkpoints that lost files, a clock that jumps by a day, a folder that is moved. A run goes on from
// what can be read with the numbers of one that was left alone, or is refused by name with nothing forgotten.
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { LabEvent } from '../../src-preload/contract.ts'
import { importModel } from '../../src-main/lab/files/importModel.ts'
import type { LabContext } from '../../src-main/lab/process/context.ts'
import { openContext, type OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { loadCheckpoint } from '../../src-main/model/checkpoint.ts'
import { microSpec, openBench } from './micro.ts'
import type { Bench } from './micro.ts'

let bench: Bench
let whole: OpenedContext
const DAY_MS = 24 * 3_600_000
/** Stopped after step 5, with checkpoints of steps 2, 4 and 5, closed. */
const stopped = (): string => join(bench.folder, 'stopped')
const spec = () => microSpec(bench.start, { name: 'mrt-exact' }, { steps: 6 })
beforeAll(async () => {
  bench = await openBench()
  whole = bench.open('whole')
  await trainRun(whole, await createRun(whole, spec()))
  const context = bench.open('stopped')
  const runId = await createRun(context, spec())
  await trainRun(context, runId, { control: () => (context.store.runs.get(runId)!.lastStep === 5 ? 'stop-after-step' : 'go') })
  expect(context.store.checkpoints.ofRun(runId).map(({ step }) => step)).toEqual([2, 4, 5])
  context.close()
})
afterAll(() => {
  whole.close()
  bench.dispose()
})

/** Everything that a clock does not decide: metrics of all steps, and the weights of the last checkpoint to the bit. */
async function numbersOf({ store }: LabContext) {
  const { contentId } = store.checkpoints.newestResumable(1)!
  const { tensors } = await loadCheckpoint(join(store.checkpointsFolder, contentId))
  return {
    steps: store.steps
      .range(1, 1, 99)
      .map(({ metrics }) => Object.fromEntries(Object.entries(metrics).filter(([name]) => !/^time\/|step_time/.test(name)))),
    rollouts: store.runs.list()[0]!.rolloutCount,
    weights: [...tensors].map(([name, { data }]) => [name, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')]),
  }
}

/** A copy of the stopped run, its checkpoints of these steps spoilt. */
function spoiltCopy(name: string, steps: readonly number[], spoil: (folder: string) => void): OpenedContext {
  cpSync(stopped(), join(bench.folder, name), { recursive: true })
  const context = bench.open(name)
  for (const { step, contentId } of context.store.checkpoints.ofRun(1))
    if (steps.includes(step)) spoil(join(context.store.checkpointsFolder, contentId))
  return context
}

const spoilings: readonly (readonly [what: string, code: string, spoil: (folder: string) => void])[] = [
  ['lost its weights', 'checkpoint.damaged', (folder) => rmSync(join(folder, 'weights.safetensors'))],
  ['lost its moments', 'checkpoint.damaged', (folder) => rmSync(join(folder, 'optimizer.safetensors'))],
  ['has a file cut in half', 'checkpoint.damaged', (folder) => truncateSync(join(folder, 'weights.safetensors'), 4000)],
  [
    'lost all but its manifest',
    'checkpoint.damaged',
    (folder) => readdirSync(folder).forEach((file) => file !== 'checkpoint.json' && rmSync(join(folder, file))),
  ],
  ['is gone with its folder', 'checkpoint.missing', (folder) => rmSync(folder, { recursive: true })],
]

it.each(spoilings)(
  'a run whose newest checkpoint %s goes on from the one before, says so, and has the same numbers',
  async (what, code, spoil) => {
    const context = spoiltCopy(what.replaceAll(' ', '-'), [5], spoil)
    try {
      await trainRun(context, 1)
      expect(context.store.runs.get(1)!.status).toBe('finished')
      const said = context.store.events.ofRun(1, 'log', 0, 100).find((event) => event.code === code)!
      expect(said.message).toMatch(/^The checkpoint of step 5 cannot be read \(expected \S.*; found \S.*\); going on from step 4\.$/)
      const { contentId } = context.store.checkpoints.ofRun(1).find(({ step }) => step === 4)!
      expect(said).toMatchObject({ step: 4, level: 'warn', data: { contentId } })
      expect(await numbersOf(context)).toEqual(await numbersOf(whole))
    } finally {
      context.close()
    }
  },
)

it('a run of whose checkpoints several are spoilt says so of each, the newest first', async () => {
  const context = spoiltCopy('several', [4, 5], (folder) => rmSync(join(folder, 'weights.safetensors')))
  try {
    await trainRun(context, 1)
    const said = context.store.events.ofRun(1, 'log', 0, 100).filter(({ code }) => code === 'checkpoint.damaged')
    expect(said.map(({ message, step }) => [/step \d+ cannot/.exec(message)?.[0], /from step \d+/.exec(message)?.[0], step])).toEqual([
      ['step 5 cannot', 'from step 2', 2],
      ['step 4 cannot', 'from step 2', 2],
    ])
    expect(await numbersOf(context)).toEqual(await numbersOf(whole))
  } finally {
    context.close()
  }
})

it('a run of whose checkpoints none can be read is refused by name, and forgets no step', async () => {
  const context = spoiltCopy('none-left', [2, 4, 5], (folder) => rmSync(join(folder, 'weights.safetensors')))
  try {
    await expect(trainRun(context, 1)).rejects.toMatchObject({ code: 'checkpoint.damaged' })
    expect(context.store.runs.get(1)).toMatchObject({ status: 'failed', lastStep: 5, error: { code: 'checkpoint.damaged' } })
    expect(context.store.steps.range(1, 1, 99)).toHaveLength(5)
  } finally {
    context.close()
  }
})

it('a clock that is set back by a day and then forward by two changes no number, no duration and no guess of the time left', async () => {
  const context = bench.open('clock')
  try {
    let shift = 0
    const moving = { ...context, engine: context.engine, store: context.store, now: () => Date.now() + shift }
    const runId = await createRun(moving, spec())
    const guesses: number[] = []
    const began = performance.now()
    await trainRun(moving, runId, {
      onEvent: (event: LabEvent) => {
        if (event.kind === 'progress' && event.report.etaMs !== null) guesses.push(event.report.etaMs)
        if (event.kind === 'step') shift = event.step.step === 2 ? -DAY_MS : event.step.step === 4 ? DAY_MS : shift
      },
    })
    const took = performance.now() - began
    const run = context.store.runs.get(runId)!
    expect([run.status, run.activeMs > 0 && run.activeMs < took]).toEqual(['finished', true])
    expect(guesses.length).toBeGreaterThan(3)
    expect(Math.min(...guesses)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...guesses)).toBeLessThan(20 * took)
    expect(await numbersOf(context)).toEqual(await numbersOf(whole))
  } finally {
    context.close()
  }
})

it('a workspace folder that is moved, models and a half-trained run in it, goes on under its new path as if nothing had happened', async () => {
  const before = join(bench.folder, 'before')
  const first = bench.open('before')
  const { modelId } = await importModel(first.store, bench.start, { name: 'own', signal: new AbortController().signal, now: Date.now })
  const ofModel = { ...spec(), start: `model:${modelId}` }
  const runId = await createRun(first, ofModel)
  await trainRun(first, runId, { control: () => (first.store.runs.get(runId)!.lastStep === 3 ? 'stop-after-step' : 'go') })
  first.close()
  const after = join(bench.folder, 'moved to a disk', 'données 数据')
  mkdirSync(join(after, '..'))
  renameSync(before, after)

  const context = openContext({ folder: after, create: false, program: 'test' })
  try {
    await trainRun(context, runId)
    expect(context.store.runs.get(runId)!.status).toBe('finished')
    expect(await numbersOf(context)).toEqual(await numbersOf(whole))
    const again = await createRun(context, { ...ofModel, steps: 1 })
    await trainRun(context, again)
    expect(context.store.runs.get(again)!.status).toBe('finished')
    expect(existsSync(before)).toBe(false)
  } finally {
    context.close()
  }
  // Nothing in the database says where the folder was.
  const db = new Database(join(after, 'workspace.db'), { readonly: true })
  const tables = db
    .prepare<unknown[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%rollout_text_%'`)
    .pluck()
    .all()
  const told = tables.filter((table) =>
    db
      .prepare(`SELECT * FROM ${table}`)
      .all()
      .some((row) => JSON.stringify(row).includes(before)),
  )
  db.close()
  expect(told).toEqual([])
})
