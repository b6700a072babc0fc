// A run handed over to other trainers: the Python module pays what the program pays, on rollouts of every kind, and what is written is whole.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { importModel } from '../../src-main/lab/files/importModel.ts'
import { openContext, type OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { creditOf, handOver } from '../../src-main/lab/training/handOver.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { createMethod } from '../../src-main/rl/algorithms.ts'
import type { GradedRollout } from '../../src-main/rl/types.ts'
import { writeLittleText } from '../model/littleText.ts'
import { addPatterns } from './importedSet.ts'
import { refusal } from './refusal.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-hand-'))
let context: OpenedContext
beforeAll(async () => {
  context = openContext({ folder: join(folder, 'workspace'), create: true, program: 'test' })
  await importModel(context.store, writeLittleText(join(folder, 'little.gguf')), {
    name: 'little',
    signal: new AbortController().signal,
    now: Date.now,
  })
})
afterAll(() => {
  context.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Answers of the module to cases that it reads from stdin. */
const python = (script: string, input: unknown): unknown => {
  const { stdout, stderr, status } = spawnSync(
    'python3',
    ['-c', `import json, sys; import mrt_reward as mrt; given = json.load(sys.stdin)\n${script}`],
    {
      input: JSON.stringify(input),
      encoding: 'utf8',
      cwd: join(import.meta.dirname, '../../resources/handover'),
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    },
  )
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

function someGroup(seed: number, size: number): GradedRollout[] {
  const rng = createRng(seed)
  return Array.from({ length: size }, (_, sample) => {
    const lengths = Array.from({ length: rng.int(4) }, () => 1 + rng.int(5))
    const ends = lengths.map((_, at) => lengths.slice(0, at + 1).reduce((a, b) => a + b, 0))
    const thinkEnd = ends.at(-1) ?? 0
    const tokenCount = thinkEnd + 2 + rng.int(4)
    return {
      group: 0,
      sample,
      tokenCount,
      correct: rng.chance(0.5) ? 1 : 0,
      finish: 'stop',
      episodes: ends.map((end, at) => ({ start: ends[at - 1] ?? 0, end })),
      thinkEnd,
      sampled: Uint8Array.from({ length: tokenCount }, (_, at) => (at === thinkEnd ? 0 : 1)),
      J: Float64Array.from({ length: ends.length + 1 }, () => rng.float() * 1.0000001),
    } satisfies GradedRollout
  })
}

describe('the progress reward in Python', () => {
  it('pays every token what this program pays, for every rule, baseline, centre and prover', () => {
    const cases = ['scalar', 'return-to-go', 'episode-local', 'mixture'].flatMap((credit) =>
      ['dr-grpo', 'rloo', 'grpo'].flatMap((base) =>
        ['none', 'group'].flatMap((centre) =>
          [1, 3].map((bestOf) => {
            const method = createMethod('mrt-exact', {
              alpha: 0.7,
              base,
              bestOf,
              credit,
              ...(credit === 'mixture' && { lambda: 0.3 }),
              ...(credit !== 'scalar' && { centre }),
            })
            return { method, group: someGroup(credit.length * 100 + base.length * 10 + bestOf, 4) }
          }),
        ),
      ),
    )
    const paid = python(
      `print(json.dumps([mrt.credits(case["group"], **case["credit"]) for case in given]))`,
      cases.map(({ method, group }) => ({
        credit: creditOf({ algorithm: { name: 'mrt-exact', options: {} } }, method),
        group: group.map(({ correct, J, episodes, tokenCount, sampled }) => ({
          correct,
          J: [...J!],
          episodes: episodes.map(({ start, end }) => [start, end]),
          tokens: tokenCount,
          sampled: [...sampled],
        })),
      })),
    ) as { readonly reward: number; readonly advantage: readonly number[] }[][]
    let compared = 0
    cases.forEach(({ method, group }, index) =>
      method.algorithm.credit(group, method.options, { budgetTokens: 40, seed: 1, done: 0 }).forEach(({ reward, advantage }, at) => {
        expect(Math.abs(paid[index]![at]!.reward - reward)).toBeLessThan(1e-6)
        advantage.forEach((value, token) => {
          compared++
          expect(Math.abs(paid[index]![at]!.advantage[token]! - value)).toBeLessThan(1e-6)
        })
      }),
    )
    expect(compared).toBeGreaterThan(1000)
  })

  it('pays what is on record for the rollouts of the shipped sample, a run of MRT-exact and one of outcome RL', () => {
    cpSync(join(import.meta.dirname, '../../resources/sample'), join(folder, 'sample'), { recursive: true })
    const { store, close } = openContext({ folder: join(folder, 'sample'), create: false, program: 'test' })
    const compared = { rewards: 0, advantages: 0 }
    for (const algorithm of ['mrt-exact', 'dr-grpo']) {
      const { run } = store.runs.list().find((each) => each.run.algorithm === algorithm)!
      const { rollouts } = store.rollouts.page({
        filter: { runId: run.id, phase: 'train' },
        sort: 'place',
        descending: false,
        limit: 512,
        after: null,
      })
      const details = rollouts.map(({ id }) => store.rollouts.readable(id)!)
      const groups = [...Map.groupBy(details, ({ rollout: { step, group } }) => `${step} ${group}`).values()].filter((members) =>
        members.every(({ rollout: { used }, advantages }) => used && advantages !== null),
      )
      expect(new Set(groups.map(({ length }) => length))).toEqual(new Set([(run.config as { groupSize: number }).groupSize]))
      const paid = python(`print(json.dumps([mrt.credits(group, **given["credit"]) for group in given["groups"]]))`, {
        credit: creditOf(
          run.config as never,
          createMethod(algorithm, (run.config as { algorithm: { options: object } }).algorithm.options as never),
        ),
        groups: groups.map((members) =>
          members.map(({ rollout, tokens, sampled, episodes, progress }) => ({
            correct: rollout.correct ? 1 : 0,
            J: progress[0]?.estimates.map(({ value }) => value) ?? [0],
            episodes: progress.length > 0 ? episodes.map(({ startToken, endToken }) => [startToken, endToken]) : [],
            tokens: tokens.length,
            sampled: sampled === null ? [] : [...sampled],
          })),
        ),
      }) as { readonly reward: number; readonly advantage: readonly number[] }[][]
      groups.forEach((members, at) =>
        members.forEach(({ rollout, advantages }, index) => {
          const own = paid[at]![index]!
          compared.rewards++
          expect(Math.abs(own.reward - rollout.reward!), `reward of ${algorithm}`).toBeLessThan(1e-6)
          advantages!.forEach((value, token) => {
            compared.advantages++
            expect(Math.abs(own.advantage[token]! - value), `token ${token} of ${algorithm}`).toBeLessThan(1e-6)
          })
        }),
      )
    }
    close()
    expect(compared.rewards).toBeGreaterThan(300)
    expect(compared.advantages).toBeGreaterThan(10_000)
  })

  it('finds where a thought can be stopped, what was answered, and whether it is right', () => {
    const text = 'First 3.\n\nThen 4.\nAnswer: 4.0\nmore'
    expect(
      python(
        `print(json.dumps([mrt.boundaries_of(given, ["\\nAnswer:", "Answer:"]), mrt.answer_of(given, ["\\nAnswer:", "Answer:"]), mrt.is_right(" 4.0.", ["4"]), mrt.is_right("1,204", ["1204"]), mrt.is_right("4 or 5", ["4"]), mrt.answer_of("none", ["Answer:"])]))`,
        text,
      ),
    ).toEqual([[0, 9, 17], ' 4.0\nmore', true, true, false, null])
  })
})

describe('a run that is handed over', () => {
  const spec = {
    name: 'handed',
    start: 'model:1',
    task: { name: 'arithmetic', options: { level: '2' } },
    algorithm: { name: 'mrt-online', options: { branches: 3 } },
    steps: 2,
    seed: 3,
    budget: { thinkingTokens: 12, answerTokens: 5 },
  }

  it('is its problems with their answers, its settings, and Python that can be read', async () => {
    const runId = await createRun(context, spec)
    const to = join(folder, 'out')
    const handed = await handOver(context.store, runId, to, Date.now)
    expect(handed.folder).toBe(to)
    expect(handed.files).toEqual(['mrt_reward.py', 'train_trl.py', 'verl_reward.py', 'verl_recipe.sh', 'settings.json', 'problems.jsonl'])
    for (const file of handed.files) expect(existsSync(join(to, file)), file).toBe(true)
    const settings = JSON.parse(readFileSync(join(to, 'settings.json'), 'utf8')) as {
      readonly cues: string[]
      readonly samples: number
      readonly credit: { readonly base: string }
    }
    expect(settings).toMatchObject({ samples: 3, thinkingTokens: 12, answerTokens: 5, groupSize: expect.any(Number) as number })
    expect(settings.credit).toMatchObject({ base: 'grpo', credit: 'episode-local', alpha: 1 })
    expect(settings.cues).toContain('\nAnswer:')
    const problems = readFileSync(join(to, 'problems.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { prompt: string; question: string; golds: string[] })
    expect(problems.length).toBe(handed.problems)
    for (const { prompt, question, golds } of problems.slice(0, 20)) {
      expect(prompt).toContain(question)
      expect(golds.length).toBeGreaterThan(0)
    }
    await expect(handOver(context.store, runId, to, Date.now)).rejects.toEqual(
      refusal('handOver.folder', { expected: 'a new or empty folder', found: to, next: 'Name another folder' }),
    )
  })

  it('says over what the mean of its loss was taken, in words that both scripts know', async () => {
    const scripts = ['train_trl.py', 'verl_recipe.sh'].map((name) => readFileSync(join('resources/handover', name), 'utf8'))
    for (const [name, aggregation] of [
      ['dr-grpo', 'constant'],
      ['rloo', 'constant'],
      ['grpo', 'sequence-mean'],
      ['mrt-exact', 'token-mean'],
    ] as const) {
      const to = join(folder, `mean of ${name}`)
      await handOver(context.store, await createRun(context, { ...spec, algorithm: { name } }), to, Date.now)
      // What a method leaves unsaid is as usual.
      expect(JSON.parse(readFileSync(join(to, 'settings.json'), 'utf8'))).toMatchObject({ aggregation, clipLow: 0.2, clipHigh: 0.2 })
      for (const script of scripts) expect(script).toContain(aggregation)
    }
  })

  it('has the settings of its algorithm, and four answers at a boundary where it had J otherwise', async () => {
    const options = { klBeta: 0.25, clipLow: 0.1, clipHigh: 0.3, updatesPerBatch: 2 }
    const more = {
      algorithm: { name: 'grpo', options },
      steps: 7,
      promptsPerStep: 5,
      groupSize: 6,
      sampling: { temperature: 0.5 },
      optimizer: { lr: 0.125 },
    }
    const runId = await createRun(context, { ...spec, ...more })
    const to = join(folder, 'settings')
    await handOver(context.store, runId, to, Date.now)
    const { cues, ...settings } = JSON.parse(readFileSync(join(to, 'settings.json'), 'utf8')) as {
      readonly cues: string[]
      readonly forcedStop: string
    }
    expect(settings).toMatchObject({
      run: context.store.runs.get(runId)!.uid,
      name: 'handed',
      algorithm: 'grpo',
      aggregation: 'sequence-mean',
      model: 'little',
      credit: { alpha: 0, credit: 'scalar', discount: 0, base: 'grpo', centre: 'none', best_of_k: 1 },
      samples: 4,
      steps: 7,
      seed: 3,
      promptsPerStep: 5,
      groupSize: 6,
      thinkingTokens: 12,
      answerTokens: 5,
      temperature: 0.5,
      learningRate: 0.125,
      klBeta: 0.25,
      clipLow: 0.1,
      clipHigh: 0.3,
    })
    expect(cues).toContain('\nAnswer:')
    expect(settings.forcedStop).toContain('Answer:')
    // That a text ends is no cue for its answer.
    for (const cue of cues) expect(cue).not.toContain('<|im_end|>')
  })

  it('says how progress is paid in the words of the module', () => {
    const chosen = { alpha: 0.5, credit: 'mixture', lambda: 0.25, base: 'rloo', centre: 'group', bestOf: 3 }
    expect(creditOf({ algorithm: { name: 'mrt-exact', options: {} } }, createMethod('mrt-exact', chosen))).toEqual({
      alpha: 0.5,
      credit: 'mixture',
      discount: 0.25,
      base: 'rloo',
      centre: 'group',
      best_of_k: 3,
    })
    for (const [options, found] of [
      [{ alphaCourse: 'rising' }, 'mrt-exact with alphaCourse rising'],
      [{ mu: 'start' }, 'mrt-exact with mu start'],
      [{ control: 'shuffled' }, 'mrt-exact with control shuffled'],
    ] as const)
      expect(() => creditOf({ algorithm: { name: 'mrt-exact', options } }, createMethod('mrt-exact', options))).toThrow(
        refusal('handOver.method', { expected: 'a run of mrt-exact, mrt-online, grpo, dr-grpo, rloo', found, next: 'Choose such a run' }),
      )
    expect(() => creditOf({ algorithm: { name: 'dapo', options: {} } }, createMethod('dapo'))).toThrow(
      expect.objectContaining({ found: 'dapo' }),
    )
    for (const base of ['grpo', 'dr-grpo', 'rloo'])
      expect(creditOf({ algorithm: { name: base, options: {} } }, createMethod(base))).toEqual({
        alpha: 0,
        credit: 'scalar',
        discount: 0,
        base,
        centre: 'none',
        best_of_k: 1,
      })
  })

  it('is a run of this program', async () => {
    const code = (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => 'nothing was thrown',
        (error: { code: string }) => error.code,
      )
    expect(await code(handOver(context.store, 999, join(folder, 'none'), Date.now))).toBe('run.unknown')
    const { id: _id, uid: _uid, ...same } = context.store.runs.get(await createRun(context, spec))!
    const imported = context.store.runs.add({ ...same, method: 'imported' }).id
    await expect(handOver(context.store, imported, join(folder, 'none'), Date.now)).rejects.toEqual(
      refusal('handOver.method', { expected: 'a run of this program', found: 'handed, which was imported', next: 'trained here' }),
    )
    expect(existsSync(join(folder, 'none'))).toBe(false)
  })

  it('is one whose answers can be listed', async () => {
    const { store } = context
    const dataset = addPatterns(store)
    const runId = await createRun(context, { ...spec, task: { name: 'dataset', options: { dataset } } })
    await expect(handOver(store, runId, join(folder, 'patterns'), Date.now)).rejects.toEqual(
      refusal('handOver.answers', {
        expected: 'accepted answers of dataset that can be listed',
        found: 'a problem without',
        next: 'Choose a run of another task',
      }),
    )
    expect(existsSync(join(folder, 'patterns'))).toBe(false)
  })

  it('is refused where another trainer could not take it up', async () => {
    const told = async (more: object): Promise<string> =>
      handOver(context.store, await createRun(context, { ...spec, ...more }), join(folder, 'refused'), Date.now).then(
        () => 'nothing was thrown',
        (error: { code: string }) => error.code,
      )
    const notated = await createRun(context, { ...spec, start: 'starter', task: { name: 'countdown', options: {} } })
    await expect(handOver(context.store, notated, join(folder, 'refused'), Date.now)).rejects.toEqual(
      refusal('handOver.notation', {
        expected: 'a run of a model of text',
        found: 'handed, in the notation of its task',
        next: 'Choose a run that starts from a model of text',
      }),
    )
    expect(await told({ algorithm: { name: 'mrt-exact', options: { control: 'shuffled' } } })).toBe('handOver.method')
    expect(await told({ algorithm: { name: 'dapo' } })).toBe('handOver.method')
    expect(existsSync(join(folder, 'refused'))).toBe(false)
  })
})
