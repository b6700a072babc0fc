// A run's record, and what is refused before there is one: the exact edges of what a model has room for, and settings that do not hold together.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DeviceTests } from '../../src-main/lab/process/deviceTests.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { importModel } from '../../src-main/lab/files/importModel.ts'
import { parseSpec } from '../../src-main/lab/training/runSpecs.ts'
import { exportModel } from '../../src-main/lab/training/exportModel.ts'
import type { RunSpecInput } from '../../src-preload/contract.ts'
import { createRng, deriveSeed } from '../../src-main/numeric/rng.ts'
import { writeLittleText } from '../model/littleText.ts'
import { addImported } from './importedSet.ts'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { microSpec, openBench, type Bench } from './micro.ts'
import { refusal } from './refusal.ts'

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

/** Refused so, before there is a record. */
async function refused(expected: Error, more: Partial<RunSpecInput>, algorithm?: RunSpecInput['algorithm']): Promise<void> {
  const before = context.store.runs.list().length
  await expect(made(more, algorithm)).rejects.toEqual(expected)
  expect(context.store.runs.list()).toHaveLength(before)
}

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
    const times = 'budget.thinkingTokens, of which the algorithm keeps some rollouts going to 3 times, of at most 224 tokens'
    await refused(refusal('run.spec', { expected: times }), thinking(75), kept)
  })

  it('are told with the setting that asks for more, and with what they are kept for', async () => {
    const most = 'of at most 224 tokens: the model has 256 positions, 24 are kept for the problem and 8 for the answer'
    const next = 'Lower that budget'
    await refused(refusal('run.spec', { expected: `budget.thinkingTokens ${most}`, next }), thinking(225))
    await refused(refusal('run.spec', { expected: `evaluation.budgets ${most}`, next }), evaluated({ budgets: [225] }))
    await refused(refusal('run.spec', { expected: `evaluation.window ${most}`, next }), evaluated({ budgets: [8], window: 225 }))
    await refused(refusal('run.spec', { expected: 'budget.thinkingTokens of at most 0 tokens' }), {
      budget: { thinkingTokens: 8, answerTokens: 250 },
    })
  })
})

describe('filters of the sampler', () => {
  it('are refused where J is exact, and where nothing corrects for them', async () => {
    const sampling = { topK: 5 }
    expect(await told({ sampling }, { name: 'mrt-exact' })).toBe('run.sampling topK 5, topP 1, minP 0')
    expect(await told({ sampling })).toBe('run.sampling topK 5, topP 1, minP 0')
    expect(await told({ sampling }, { name: 'dr-grpo', options: { correction: 'token-truncate' } })).toBe('taken')
    expect(await told({ sampling: { temperature: 0.5 } }, { name: 'mrt-exact' })).toBe('taken')
    const exact = { expected: 'no filters with mrt-exact, whose exact J is that of all tokens', next: 'the temperature may be anything' }
    await refused(refusal('run.sampling', exact), { sampling }, { name: 'mrt-exact' })
    await refused(refusal('run.sampling', { expected: 'no filters, or a correction', next: 'such as to token-truncate' }), { sampling })
  })
})

describe('an algorithm', () => {
  it('that there is not is refused with those that there are, and an option with what it may be', async () => {
    const next = 'Correct the algorithm'
    await refused(refusal('run.algorithm', { expected: 'dr-grpo', found: 'grop', next }), {}, { name: 'grop' })
    await refused(refusal('run.algorithm', { expected: 'alpha', found: '-1', next }), {}, { name: 'mrt-exact', options: { alpha: -1 } })
  })
})

describe('an imported set', () => {
  const imported = (
    grader: string,
    splits: readonly string[],
    slicesOf = (_id: number): Record<string, string> => ({}),
  ): Partial<RunSpecInput> => {
    const problems = splits.map((split, at) => ({ split, prompt: `Name ${at}.`, answer: String(at) }))
    const { datasetId } = addImported(context.store, { name: 'imported', grader, problems }, slicesOf)
    return { task: { name: 'dataset', options: { dataset: datasetId } }, budget: { thinkingTokens: 12, answerTokens: 5 } }
  }
  const [train, test] = [Array.from({ length: 20 }, () => 'train'), Array.from({ length: 20 }, () => 'test')]
  const little = async (): Promise<string> => {
    const known = context.store.models.list().find(({ name }) => name === 'asked of sets')
    if (known !== undefined) return `model:${known.id}`
    const { modelId } = await importModel(context.store, writeLittleText(join(bench.folder, 'of sets.gguf'), 7), {
      name: 'asked of sets',
      signal: new AbortController().signal,
      now: Date.now,
    })
    return `model:${modelId}`
  }

  it('without answers that can be listed is refused by every method that asks for exact J, and by no other', async () => {
    const more = { ...imported('regex', [...train, ...test]), start: await little() }
    for (const name of ['mrt-exact', 'regret-exact'])
      await refused(
        refusal('run.noAnswers', {
          expected: `a task whose accepted answers can be listed, as the exact J of ${name} needs them`,
          found: 'dataset',
          next: 'such as mrt-online',
        }),
        more,
        { name, ...(name === 'regret-exact' && { options: { reach: 1 } }) },
      )
    expect([await told(more, { name: 'mrt-online' }), await told(more)]).toEqual(['taken', 'taken'])
  })

  it('without held-out problems is refused, since there is nothing to evaluate on', async () => {
    // All alike, so that they stay together, and of a kind that is trained on.
    const alike = (id: number): Record<string, string> => ({
      cluster: ['a', 'b', 'c', 'd', 'e', 'f'].find((name) => createRng(deriveSeed(id, 'dataset split', name)).int(100) < 70)!,
    })
    const more = { ...imported('exact', train, alike), start: await little() }
    await refused(
      refusal('run.noHeldOut', { expected: 'problems that are held out', found: 'none in dataset', next: 'Divide the dataset anew' }),
      more,
    )
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

  it.each([
    [{ alpha: 4, targets: 'q', frozen: 'float16' }, 'adapters.frozen float16'],
    [{ alpha: 4, targets: 'q' }, 'adapters.alpha 4'],
    [{ targets: 'q' }, 'adapters.targets q'],
  ] as const)('are refused by the first of them that is named: %o', async (adapters, named) => {
    const told = { expected: `${named} to change something: adapters.rank above 0`, next: 'Set adapters.rank' }
    await refused(refusal('run.inert', told), { adapters })
  })

  it('are options that others turn off, told with what they need', async () => {
    await refused(
      refusal('run.inert', { expected: 'lambda 0.3 to change something: credit', found: 'credit', next: 'or leave lambda at' }),
      {},
      { name: 'mrt-exact', options: { lambda: 0.3 } },
    )
  })

  it('are a prover that nothing asks, and one that is asked for has to be named', async () => {
    const given = { name: 'mrt-exact', options: { mu: 'given' } }
    expect([
      await told({ prover: bench.start }),
      await told({ prover: bench.start }, { name: 'mrt-exact' }),
      await told({}, given),
      await told({ prover: bench.start }, given),
    ]).toEqual(['run.inert mu absent', 'run.inert mu current', 'run.spec none', 'taken'])
    await refused(
      refusal('run.inert', { expected: `prover ${bench.start} to change something: the option mu at given`, next: 'or leave prover out' }),
      { prover: bench.start },
    )
    await refused(refusal('run.spec', { expected: 'the setting prover', next: 'Set prover, such as to checkpoint:<id>' }), {}, given)
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
      task: { name: 'lcm', options: { level: '30' } },
      budget: { thinkingTokens: 12, answerTokens: 5 },
    }
    expect(await told({ ...text, prover: `model:${modelId}` }, given)).toBe('taken')
    const next = 'Choose a checkpoint of the same model'
    await refused(
      refusal('run.vocabulary', {
        expected: 'a prover that speaks in the tokens of the start, 704 of them',
        found: `${bench.start}, with 416`,
        next,
      }),
      { ...text, prover: bench.start },
      given,
    )
    // As many tokens, of which one says something else.
    const folder = join(bench.folder, 'of other words')
    await exportModel(context.store, { name: `model:${modelId}`, folder, adapters: false }, Date.now)
    const file = join(folder, 'tokenizer.json')
    const json = JSON.parse(readFileSync(file, 'utf8')) as { readonly model: { readonly vocab: Record<string, number> } }
    const { vocab } = json.model
    const [a, b] = ['x', 'y']
    ;[vocab[a!], vocab[b!]] = [vocab[b!]!, vocab[a!]!]
    writeFileSync(file, JSON.stringify(json))
    const others = await importModel(context.store, folder, { name: 'others', signal: new AbortController().signal, now: Date.now })
    await refused(
      refusal('run.vocabulary', { found: `model:${others.modelId}, with 704 others`, next }),
      { ...text, prover: `model:${others.modelId}` },
      given,
    )
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
      note: '',
    })
    expect(context.store.models.get(run.modelId!)!.path).toBe(bench.start)
    expect(context.store.datasets.get(run.datasetId!)!.name).toBe('countdown-3')
    expect((await made({})).environment).toEqual({})
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

describe('a run on another device', () => {
  const deviceTests: DeviceTests = { of: () => ({ device: 'webgpu', ok: true, checks: [], durationMs: 1, atMs: 1 }), keep() {} }
  const on = async (more: Partial<RunSpecInput>) =>
    context.store.runs.get(
      await createRun(
        { store: context.store, now: context.now, deviceTests },
        microSpec(bench.start, { name: 'dr-grpo' }, { device: 'webgpu', ...more }),
      ),
    )!

  it('is in another group than the same on the processor', async () => {
    expect((await on({})).groupKey).not.toBe((await made({})).groupKey)
  })

  it('may have adapters on weights in single precision, said or unsaid, and on no narrower ones', async () => {
    const adapters = { rank: 2, alpha: 4, targets: 'q' }
    for (const more of [{ adapters }, { adapters: { ...adapters, frozen: 'float32' as const } }])
      expect((await on(more)).status).toBe('queued')
    await expect(on({ adapters: { ...adapters, frozen: 'bfloat16' } })).rejects.toEqual(
      refusal('run.frozen', {
        expected: 'frozen weights in float32 on webgpu',
        found: 'adapters.frozen bfloat16',
        next: 'Leave adapters.frozen out',
      }),
    )
  })
})
