// A run's record, and what is refused before there is one: the exact edges of what a model has room for, and settings that do not hold together.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { importModel } from '../../src-main/lab/files/importModel.ts'
import { parseSpec } from '../../src-main/lab/training/runSpecs.ts'
import type { RunSpecInput } from '../../src-preload/contract.ts'
import { writeLittleText } from '../model/littleText.ts'
import { join } from 'node:path'
import { microSpec, openBench, type Bench } from './micro.ts'

let bench: Bench
let context: OpenedContext
beforeAll(async () => {
  bench = await openBench()
  context = bench.open('created')
})
afterAll(() => {
  context.close()
  bench.dispose()
})

const made = async (more: Partial<RunSpecInput>, algorithm: RunSpecInput['algorithm'] = { name: 'dr-grpo' }) =>
  context.store.runs.get(await createRun(context, microSpec(bench.start, algorithm, more)))!
/** `taken`, or the code of the refusal with what it found. */
const told = (more: Partial<RunSpecInput>, algorithm?: RunSpecInput['algorithm']): Promise<string> =>
  made(more, algorithm).then(
    () => 'taken',
    (error: unknown) => `${(error as { code: string }).code} ${(error as { found: string }).found}`,
  )

describe('the positions of a model', () => {
  // 256, of which 24 are kept for the problem and 8 for the answer.
  const thinking = (thinkingTokens: number): Partial<RunSpecInput> => ({ budget: { thinkingTokens, answerTokens: 8 } })
  const evaluated = (evaluation: RunSpecInput['evaluation']): Partial<RunSpecInput> => ({
    evaluation: { problems: 8, samples: 2, ...evaluation },
  })

  it('are enough for a budget that fills them, and for no token more', async () => {
    expect([await told(thinking(224)), await told(thinking(225))]).toEqual(['taken', 'run.spec 225'])
  })

  it('are enough for budgets of an evaluation up to there, or for its window where it has one', async () => {
    expect(await told(evaluated({ budgets: [8, 224] }))).toBe('taken')
    expect(await told(evaluated({ budgets: [225, 8] }))).toBe('run.spec 225')
    expect(await told(evaluated({ budgets: [8], window: 225 }))).toBe('run.spec 225')
    expect(await told(evaluated({ budgets: [300], window: 224 }))).toBe('taken')
  })

  it('are enough for rollouts that are kept going, where a method does that', async () => {
    const kept = { name: 'regret-exact', options: { reach: 3 } }
    expect([await told(thinking(74), kept), await told(thinking(75), kept)]).toEqual(['taken', 'run.spec 225'])
  })
})

describe('filters of the sampler', () => {
  it('are refused where J is exact, and where nothing corrects for them', async () => {
    const sampling = { topK: 5 }
    expect(await told({ sampling }, { name: 'mrt-exact' })).toBe('run.sampling topK 5, topP 1, minP 0')
    expect(await told({ sampling })).toBe('run.sampling topK 5, topP 1, minP 0')
    expect(await told({ sampling }, { name: 'dr-grpo', options: { correction: 'token-truncate' } })).toBe('taken')
    expect(await told({ sampling: { temperature: 0.5 } }, { name: 'mrt-exact' })).toBe('taken')
  })
})

describe('settings that change nothing', () => {
  it.each([
    [{ adapters: { alpha: 4 } }, 'run.inert rank 0, which trains every weight'],
    [{ adapters: { targets: 'q' } }, 'run.inert rank 0, which trains every weight'],
    [{ adapters: { frozen: 'float16' } }, 'run.inert rank 0, which trains every weight'],
    [{ adapters: { rank: 2, alpha: 4, targets: 'q', frozen: 'float16' } }, 'taken'],
    [{ adapters: {} }, 'taken'],
  ] as const)('are refused: %o', async (more, expected) => {
    expect(await told(more as Partial<RunSpecInput>)).toBe(expected)
  })

  it('are a prover that nothing asks, and one that is asked for has to be named', async () => {
    const given = { name: 'mrt-exact', options: { mu: 'given' } }
    expect([
      await told({ prover: bench.start }),
      await told({ prover: bench.start }, { name: 'mrt-exact' }),
      await told({}, given),
      await told({ prover: bench.start }, given),
    ]).toEqual(['run.inert mu absent', 'run.inert mu current', 'run.spec none', 'taken'])
  })

  it('are not: a prover that speaks otherwise is refused for that', async () => {
    const { modelId } = await importModel(context.store, writeLittleText(join(bench.folder, 'little.gguf')), {
      name: 'little',
      signal: new AbortController().signal,
      now: Date.now,
    })
    const given = { name: 'mrt-exact', options: { mu: 'given' } }
    expect(await told({ prover: `model:${modelId}` }, given)).toMatch(/^run\.vocabulary model:/)
    const text: Partial<RunSpecInput> = {
      start: `model:${modelId}`,
      task: { name: 'arithmetic' },
      budget: { thinkingTokens: 12, answerTokens: 5 },
    }
    expect(await told({ ...text, prover: `model:${modelId}` }, given)).toBe('taken')
    expect(await told({ ...text, prover: bench.start }, given)).toMatch(/^run\.vocabulary .* with 416$/)
  })
})

describe('the record of a run', () => {
  it('has its algorithm with every option, what it starts from, and what it was made on', async () => {
    const id = await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }, { name: 'mine', steps: 7, seed: 9 }), { cores: 3 })
    const run = context.store.runs.get(id)!
    expect(run).toMatchObject({
      name: 'mine',
      algorithm: 'dr-grpo',
      method: 'outcome',
      seed: 9,
      plannedSteps: 7,
      parentRunId: null,
      parentStep: null,
      environment: { cores: 3 },
      status: 'queued',
    })
    expect(parseSpec(run.config).algorithm.options).toMatchObject({ klBeta: 0, updatesPerBatch: 1 })
  })

  it('shares its group with other seeds and names of the same settings alone, or with those of the group that it names', async () => {
    const keyOf = async (more: Partial<RunSpecInput>): Promise<string> => (await made(more)).groupKey
    const key = await keyOf({})
    expect([await keyOf({ seed: 6 }), await keyOf({ name: 'another' }), await keyOf({ device: 'cpu' })]).toEqual([key, key, key])
    for (const more of [{ steps: 5 }, { optimizer: { lr: 2e-3 } }, { groupSize: 5 }]) expect(await keyOf(more)).not.toBe(key)
    expect([await keyOf({ group: 'mine' }), await keyOf({ group: 'mine', steps: 5 })]).toEqual(['mine', 'mine'])
  })
})
