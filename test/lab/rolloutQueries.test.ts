// One rollout as it is read: what its progress curves say, as what credit rules take it, and what they would have paid its group.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gradedOf, orderedCurve, rolloutQueries, thinkingView } from '../../src-main/lab/answers/queriesRollouts.ts'
import { importInto } from '../../src-main/lab/files/importInto.ts'
import { importModel } from '../../src-main/lab/files/importModel.ts'
import { tokenizerOfStart } from '../../src-main/lab/training/start.ts'
import { deriveSeed } from '../../src-main/numeric/rng.ts'
import { algorithmNamed } from '../../src-main/rl/algorithms.ts'
import { explain } from '../../src-main/rl/explain.ts'
import { doneBefore } from '../../src-main/rl/schedules.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import type { ProgressCurve, RolloutDetail } from '../../src-preload/contract.ts'
import { writeLittleText } from '../model/littleText.ts'
import { makeWorkspace, rollout, specOf, type Filled } from './records.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-rollouts-'))
const options = { signal: new AbortController().signal }
let store: Store
let filled: Filled
let ask: ReturnType<typeof rolloutQueries>
beforeAll(() => {
  filled = makeWorkspace(join(folder, 'workspace'))
  store = openStore(join(folder, 'workspace'), { program: 'test' })
  ask = rolloutQueries(() => store)
})
afterAll(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

const curve = (J: readonly number[], tokens = [0, 5, 9]): ProgressCurve =>
  ({
    estimator: {},
    estimates: J.map((value, boundary) => ({
      boundary,
      tokenOffset: tokens[boundary]!,
      value,
      low: value / 2,
      high: null,
      tokensForwarded: boundary + 1,
    })).reverse(),
  }) as unknown as ProgressCurve

describe('a progress curve', () => {
  it('is read in the order of its boundaries, however it was stored', () => {
    expect(orderedCurve(curve([0.1, 0.3, 0.9]))).toMatchObject({ boundaries: [0, 5, 9], J: [0.1, 0.3, 0.9] })
    expect(thinkingView(curve([0.1, 0.9, 0.9]))).toMatchObject({
      tokens: [0, 5, 9],
      low: [0.05, 0.45, 0.45],
      high: [null, null, null],
      bestBoundary: 1,
      usefulTokens: 5,
      overthinkTokens: 4,
      tokensForwarded: 6,
    })
  })

  it('says nothing where it has no points, and of no tokens too many where it never came to be right', () => {
    expect(thinkingView(curve([]))).toBeNull()
    expect(thinkingView(curve([0.1, 0.2, 0.1]))).toMatchObject({ usefulTokens: null, overthinkTokens: null })
  })
})

describe('a stored rollout as credit rules take it', () => {
  const [detail] = [() => store.rollouts.detail(1)!]
  const graded = (more: { rollout?: object } & Partial<Omit<RolloutDetail, 'rollout'>> = {}) => {
    const whole = detail()
    return gradedOf({ ...whole, ...more, rollout: { ...whole.rollout, ...more.rollout } } as RolloutDetail)
  }

  it('is right only where that is known, and has ended as it ended', () => {
    expect([true, false, null].map((correct) => graded({ rollout: { correct } }).correct)).toEqual([1, 0, 0])
    const finishes = ['stop', 'unknown', 'forced', 'length', 'cancelled', 'error']
    expect(finishes.map((finishReason) => graded({ rollout: { finishReason } }).finish)).toEqual([
      'stop',
      'stop',
      'stop',
      'length',
      'aborted',
      'aborted',
    ])
  })

  it('has J of the first measurement that knows every boundary, and none where none does', () => {
    expect([...graded().J!]).toEqual([0.1, 0.3, 0.9])
    const progress = [curve([0.5, 0.6]), curve([0.2, 0.4, 0.6]), curve([0.1, 0.1, 0.1])]
    expect([...graded({ progress }).J!]).toEqual([0.2, 0.4, 0.6])
    expect(graded({ progress: progress.slice(0, 1) })).not.toHaveProperty('J')
  })

  it('has the parts of its reward that no rule adds itself', () => {
    expect(graded()).not.toHaveProperty('parts')
    const rewardParts = { outcome: 1, progress: 2, length_penalty: 3, overlong: 4, format: 5 }
    expect(graded({ rollout: { rewardParts } }).parts).toEqual({ format: 5 })
  })

  it('thought as many tokens as are known, never more than it has, and sampled all of them unless it says', () => {
    expect([9, null, 99].map((thinkingTokens) => graded({ rollout: { thinkingTokens } }).thinkEnd)).toEqual([9, 12, 12])
    expect([...graded({ sampled: null }).sampled]).toEqual(new Array(12).fill(1))
    expect([...graded({ sampled: Uint8Array.of(1, 0) }).sampled]).toEqual([1, 0])
    expect(graded().episodes).toEqual([
      { start: 0, end: 5 },
      { start: 5, end: 9 },
    ])
  })
})

describe('what methods would have paid', () => {
  const methods = [
    ...['cosine', 'l1-max', 'overlong', 'mrt-exact'].map((algorithm) => ({ label: algorithm, algorithm, options: {} })),
    // Pays otherwise as a run goes on.
    { label: 'rising', algorithm: 'mrt-exact', options: { alphaCourse: 'rising' } },
  ]
  const paid = (answers: Awaited<ReturnType<typeof ask.explain>>) =>
    answers.map((each) => (each.kind === 'paid' ? [each.label, each.payslips.map(({ outcome, bonuses }) => [outcome, bonuses])] : each))
  const membersOf = (ids: readonly number[]) => ids.map((id) => gradedOf(store.rollouts.detail(id)!))

  it('is what they pay in training: with the budgets of the run, its seed, and as far as it was by then', async () => {
    const group = store.rollouts.group({ runId: filled.runIds[1]!, steps: [3, 3], group: 0 })
    const expected = explain(membersOf(group.map(({ id }) => id)), methods, {
      budgetTokens: 24,
      seed: deriveSeed(2, 'credit', 3),
      done: doneBefore(3, 4),
    })
    const answers = await ask.explain({ rolloutId: group[1]!.id, methods }, options)
    expect(paid(answers)).toEqual(
      methods.map(({ label }) => {
        const answer = expected[label]!
        return answer.kind === 'unavailable'
          ? { kind: 'unavailable', label, code: answer.code, reason: answer.reason }
          : [label, answer.payslips.map(({ outcome, bonuses }) => [outcome, [...bonuses]])]
      }),
    )
    for (const answer of answers)
      for (const { discardReason, parts } of answer.kind === 'paid' ? answer.payslips : [])
        expect([discardReason, typeof parts]).toEqual([null, 'object'])
    const [first] = answers
    expect(first!.kind === 'paid' && first!.payslips.map(({ rolloutId }) => rolloutId)).toEqual(group.map(({ id }) => id))
  })

  it('is of the answers to the same problem in an evaluation, and for a run trained elsewhere by the usual three alone', async () => {
    const ids = store.rollouts.add(
      { runId: null, evaluationId: filled.startEvaluationId, phase: 'eval', step: 0 },
      [0, 1, 2].map((sample) => rollout(filled.problemIds[sample > 1 ? 1 : 0]!, sample > 1 ? 1 : 0, sample, sample === 0)),
    )
    expect((await ask.group({ rolloutId: ids[0]! }, options)).map(({ id }) => id)).toEqual(ids.slice(0, 2))
    const alone = await ask.explain({ rolloutId: ids[0]!, methods: [] }, options)
    expect(alone.map(({ label }) => label)).toEqual(['dr-grpo', 'length-penalty', 'mrt-exact'].map((name) => algorithmNamed(name).title))
    // Nothing says what they could have spent: it is as long as the longest of them.
    const known = explain(membersOf(ids.slice(0, 2)), methods, { budgetTokens: 12, seed: deriveSeed(0, 'credit', 0), done: 1 })
    const answers = await ask.explain({ rolloutId: ids[0]!, methods }, options)
    for (const answer of answers)
      if (answer.kind === 'paid') {
        const same = known[answer.label]!
        expect(same.kind === 'paid' && same.payslips.map(({ outcome }) => outcome)).toEqual(answer.payslips.map(({ outcome }) => outcome))
      }
    const { id: _id, uid: _uid, ...near } = store.runs.get(filled.runIds[0]!)!
    const { id } = store.runs.add({ ...near, config: { algorithm: { name: 'elsewhere' } } })
    const [imported] = store.rollouts.add({ runId: id, evaluationId: null, phase: 'train', step: 1 }, [
      rollout(filled.problemIds[0]!, 0, 0, true),
    ])
    expect((await ask.explain({ rolloutId: imported!, methods: [] }, options)).map(({ label }) => label)).not.toContainEqual(
      expect.stringContaining('(this run)'),
    )
  })

  it('compares a run with the usual three besides its own method, which is named once', async () => {
    const labels = async (runId: number) => {
      const [first] = store.rollouts.group({ runId, steps: [1, 1], group: 0 })
      return (await ask.explain({ rolloutId: first!.id, methods: [] }, options)).map(({ label }) => label)
    }
    expect(await labels(filled.runIds[0]!)).toEqual([
      `${algorithmNamed('dr-grpo').title} (this run)`,
      ...['length-penalty', 'mrt-exact'].map((name) => algorithmNamed(name).title),
    ])
  })
})

describe('what a model was given to go on from', () => {
  const asked = (rolloutId: number) => ask.asked({ rolloutId }, options)

  it('is the messages that its file kept apart, or else the text of its problem, with the turns that a template made of it', async () => {
    const file = join(folder, 'chat.jsonl')
    const prompt = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: '2 + 2?' },
    ]
    writeFileSync(file, `${JSON.stringify({ prompt, completion: [{ role: 'assistant', content: 'four' }], reward: 1, step: 1 })}\n`)
    const { runId } = await importInto(store, [file], {}, () => 1)
    const [chat] = store.rollouts.group({ runId: runId!, steps: [1, 1] })
    const problem = store.datasets.problem(chat!.problemId)!
    expect(await asked(chat!.id)).toEqual({
      text: problem.prompt,
      turns: prompt.map(({ role, content }) => ({ role, text: content })),
      from: 'messages',
    })
    // The notation of a task has no tokenizer of text.
    expect(await asked(1)).toEqual({ text: 'problem 1', turns: [], from: 'problem' })
  })

  it('is what its tokens say where the tokenizer of its run is here, in training and in an evaluation of the run', async () => {
    const path = writeLittleText(join(folder, 'little.gguf'))
    const { modelId } = await importModel(store, path, { name: 'little', signal: options.signal, now: () => 1 })
    const tokenizer = (await tokenizerOfStart(store, `model:${modelId}`))!
    const { id: _id, uid: _uid, ...near } = store.runs.get(filled.runIds[0]!)!
    const runOf = (start: string): number => store.runs.add({ ...near, config: specOf('dr-grpo', 1, { start }) as never }).id
    const [here, gone] = [runOf(`model:${modelId}`), runOf('model:999')]
    const { id: _evaluation, ...like } = store.evaluations.get(filled.startEvaluationId)!
    const evaluated = (runId: number | null): number => store.evaluations.add({ ...like, runId, modelId: near.modelId! } as never).id
    const text = '<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n<|im_start|>assistant\n'
    const promptTokens = Int32Array.from(tokenizer.encode(text))
    const add = (of: { runId: number | null; evaluationId: number | null }, more: object = {}): number =>
      store.rollouts.add({ ...of, phase: of.evaluationId === null ? 'train' : 'eval', step: 1 }, [
        { ...rollout(filled.problemIds[0]!, 0, 0, true), promptTokens, ...more },
      ])[0]!
    const known = { text, turns: [{ role: 'user', text: 'What is 2 + 2?' }], from: 'tokens' }
    const unknown = { text: 'problem 1', turns: [], from: 'problem' }
    const { provenance } = rollout(filled.problemIds[0]!, 0, 0, true)
    expect(await asked(add({ runId: here, evaluationId: null }))).toEqual(known)
    expect(await asked(add({ runId: gone, evaluationId: null }))).toEqual(unknown)
    expect(await asked(add({ runId: null, evaluationId: evaluated(here) }))).toEqual(known)
    expect(await asked(add({ runId: null, evaluationId: evaluated(null) }))).toEqual(unknown)
    expect(await asked(add({ runId: here, evaluationId: null }, { promptTokens: new Int32Array(0) }))).toEqual(unknown)
    expect(await asked(add({ runId: here, evaluationId: null }, { provenance: { ...provenance, source: 'imported' } }))).toEqual(unknown)
  })
})

describe('the watch list of a run', () => {
  it('is empty for one whose settings name none, and of no run that is not there', async () => {
    const { id: _id, uid: _uid, ...near } = store.runs.get(filled.runIds[0]!)!
    const { id: runId } = store.runs.add({ ...near, config: { algorithm: { name: 'elsewhere' } } })
    expect(await ask.watched({ runId }, options)).toEqual([])
    await expect(async () => ask.watched({ runId: 99 }, options)).rejects.toMatchObject({ code: 'run.unknown' })
  })
})

it('a histogram is counted in turns, and no further once nobody waits for it', async () => {
  const turns = {
    rollouts: { histogramInTurns: async (_filter: unknown, _column: unknown, _bins: unknown, turn: () => Promise<void>) => turn() },
  }
  const { histogram } = rolloutQueries(() => turns as never)
  const asked = { filter: {}, column: 'reward', bins: 2 } as const
  await expect(histogram(asked, options)).resolves.toBeUndefined()
  await expect(histogram(asked, { signal: AbortSignal.abort() })).rejects.toThrow()
})
