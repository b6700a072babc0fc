// The playground: one rollout of a model on one prompt, told while it is written, with J of the weights that wrote it; kept nowhere.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { playgroundRequest, type LabEvent, type PlaygroundRequest, type PlaygroundRollout } from '../../src-preload/contract.ts'
import type { Decoder } from '../../src-main/engine/decoder.ts'
import { createJobs } from '../../src-main/lab/process/jobs.ts'
import { importModel } from '../../src-main/lab/files/importModel.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { playground } from '../../src-main/lab/training/playground.ts'
import { playgroundAnswers } from '../../src-main/lab/answers/playgroundAnswers.ts'
import { drawn, playgroundProblem } from '../../src-main/lab/training/playgroundProblem.ts'
import { experiments } from '../../src-main/lab/process/experiments.ts'
import { loadStart, vocabularyOf } from '../../src-main/lab/training/start.ts'
import { taskOf } from '../../src-main/lab/training/tasks.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { exactMu } from '../../src-main/rollout/exactMu.ts'
import { loadWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import { mostTokens, streamRollout } from '../../src-main/rollout/stream.ts'
import { COUNTDOWN_FORMAT } from '../../src-main/tasks/countdown.ts'
import type { TaskFormat } from '../../src-main/tasks/types.ts'
import { saveCheckpoint } from '../../src-main/model/checkpoint.ts'
import { parameterSpecs } from '../../src-main/model/config.ts'
import { deriveSeed } from '../../src-main/numeric/rng.ts'
import { TaskError, type SpokenTask, type Split } from '../../src-main/tasks/types.ts'
import { writeLittleText } from '../model/littleText.ts'
import { addPatterns } from './importedSet.ts'
import { MICRO_CONFIG, microSpec, openBench, type Bench } from './micro.ts'
import { refusal } from './refusal.ts'

let bench: Bench
let context: OpenedContext
beforeAll(async () => {
  bench = await openBench()
  context = bench.open('playground')
  await importModel(context.store, writeLittleText(join(bench.folder, 'little.gguf')), {
    name: 'little',
    signal: new AbortController().signal,
    now: Date.now,
  })
})
afterAll(() => {
  context.close()
  bench.dispose()
})

const countdown = { name: 'countdown', options: { level: '3' } }
const asking = (more: Partial<PlaygroundRequest> = {}): PlaygroundRequest =>
  playgroundRequest.parse({
    key: 'k',
    start: bench.start,
    task: countdown,
    problemSeed: 4,
    text: null,
    settings: { thinkingTokens: 40, answerTokens: 8, seed: 7 },
    ...more,
  })
const sample = (more: Partial<PlaygroundRequest> = {}, onEvent?: (event: LabEvent) => void): Promise<PlaygroundRollout> =>
  playground(context, asking(more), { onEvent })
const written = ({ text, logps, J }: PlaygroundRollout) => ({ text, logps, J })

describe('a problem', () => {
  it('is written the same for the same seed, and otherwise for another', async () => {
    const first = await sample()
    expect(written(await sample())).toEqual(written(first))
    const { settings } = asking()
    expect((await sample({ settings: { ...settings, seed: 8 } })).text).not.toBe(first.text)
    expect((await sample({ problemSeed: 5 })).question).not.toBe(first.question)
  })

  it('is told while it is written: each text goes on from the one before, and the last is the rollout', async () => {
    const told: LabEvent[] = []
    const { text, textEnds } = await sample({}, (event) => told.push(event))
    const texts = told.flatMap((event) => (event.kind === 'playground' ? [event] : []))
    expect(texts.length).toBeGreaterThan(2)
    texts.forEach((event, index) => expect(event.text.startsWith(texts[index - 1]?.text ?? '')).toBe(true))
    expect(texts.at(-1)).toMatchObject({ key: 'k', text, tokens: textEnds.length })
    expect(told.filter(({ kind }) => kind === 'progress')).toHaveLength(texts.length)
  })

  /** J of the rollout is exact mu of the weights that `name` stands for, and its grade that of the task. */
  async function isExact(rollout: PlaygroundRollout, name: string, temperature: number): Promise<void> {
    const start = await loadStart(context.store, name, context.now)
    const task = taskOf(
      context.store,
      { task: countdown, format: { thoughts: 'auto', episodes: 'lines', examples: 0 } },
      vocabularyOf(start),
    )
    const completion = task.format.toTokens(rollout.text)!
    const problem = task.problemOf(task.format.toTokens(rollout.prompt)!)!
    const weights = await loadWeights(context.engine, start.config, start.weights)
    const policy = await openPolicy(context.engine, start.config, weights, { rows: 4, maxLength: 128, temperature })
    const cuts = [0, ...rollout.episodes.map(({ endToken }) => endToken)]
    const { J } = await exactMu(
      [{ prompt: problem.promptTokens, completion, cuts, answers: task.answerTrie(problem)! }],
      task.format.terminationSuffix,
      (feeds) => policy.branches.run(feeds),
    )
    policy.dispose()
    weights.dispose()
    expect(rollout.J).toMatchObject({ temperature, answers: task.answerTrie(problem)!.strings })
    expect(rollout.J!.values).toHaveLength(rollout.episodes.length + 1)
    // Of random weights every right answer is about as unlikely: what counts is the ratio.
    rollout.J!.values.forEach((value, index) => expect(Math.abs(value / J[0]![index]! - 1)).toBeLessThan(1e-4))
    expect(rollout.grade).toEqual(expect.objectContaining(task.grade(problem, completion)))
  }

  it('has J of exact mu at each of its boundaries, at the temperature that it was drawn at', async () => {
    for (const temperature of [1, 0.5, 0])
      await isExact(await sample({ settings: { ...asking().settings, temperature } }), bench.start, temperature || 1)
  })

  it('is asked of a checkpoint that holds adapters alone, with J of the weights that they make', async () => {
    const id = await createRun(
      context,
      microSpec(bench.start, { name: 'sft' }, { adapters: { rank: 2, alpha: 16, targets: 'q,v,down' }, steps: 2, optimizer: { lr: 0.05 } }),
    )
    await trainRun(context, id)
    const start = `checkpoint:${context.store.checkpoints.newest(id)!.id}`
    const rollout = await sample({ start })
    await isExact(rollout, start, 1)
    expect(Math.abs(rollout.J!.values[0]! / (await sample()).J!.values[0]! - 1)).toBeGreaterThan(0.01)
  })

  it('keeps to its budget: thinking is ended there, and the tokens that ended it are marked as forced', async () => {
    const { episodes, sampled, textEnds, text } = await sample({ settings: { ...asking().settings, thinkingTokens: 11 } })
    const thought = episodes.at(-1)!.endToken
    expect([thought, sampled[11]]).toEqual([11, 0])
    expect(text).toContain('</think>')
    expect(textEnds.length).toBeLessThanOrEqual(11 + 1 + 8)
    expect(textEnds.at(-1)).toBe(text.length)
  })

  it('says how it ended: by itself, forced at its budget of thinking, or cut off', async () => {
    const ends = async (thinkingTokens: number, answerTokens: number): Promise<string> =>
      (
        await sample({
          start: 'starter',
          measure: 'none',
          settings: { ...asking().settings, temperature: 0, thinkingTokens, answerTokens },
        })
      ).finish
    expect([await ends(150, 24), await ends(4, 24), await ends(4, 2)]).toEqual(['stop', 'forced', 'length'])
  })

  it('has all the positions of the model, and not one more', async () => {
    const { settings } = asking()
    const { promptTokens } = await sample({ measure: 'none' })
    const most = 256 - promptTokens - mostTokens(COUNTDOWN_FORMAT, { ...settings, thinkingTokens: 0, forced: true })
    const of = (thinkingTokens: number) => sample({ measure: 'none', settings: { ...settings, thinkingTokens } })
    expect((await of(most)).textEnds.length).toBeGreaterThan(0)
    await expect(of(most + 1)).rejects.toMatchObject({ code: 'playground.tooLong' })
  })

  it('tells how long each part took, and how fast it was written', async () => {
    const told: LabEvent[] = []
    const { timing, textEnds } = await sample({}, (event) => told.push(event))
    for (const part of [timing.openMs, timing.writeMs, timing.measureMs]) expect(part > 0 && part < 60_000).toBe(true)
    const texts = told.flatMap((event) => (event.kind === 'playground' ? [event] : []))
    const [first] = texts
    // So many tokens at that speed take longer with each text, and no longer than writing took.
    const secondsTo = texts.map(({ tokens, tokensPerSecond }) => tokens / tokensPerSecond)
    expect(secondsTo).toEqual([...secondsTo].sort((a, b) => a - b))
    expect(secondsTo.at(-1)).toBeLessThan((timing.writeMs + 1) / 1000)
    expect(first!.tokensPerSecond).toBeGreaterThan((1000 * first!.tokens) / (timing.writeMs + 1))
    const reports = told.flatMap((event) => (event.kind === 'progress' ? [event.report] : []))
    expect(reports.at(-1)!.done).toBe(textEnds.length)
    expect(reports.every(({ total }) => total === mostTokens(COUNTDOWN_FORMAT, { ...asking().settings, forced: true }))).toBe(true)
  })

  it('is the same for a model of notation and in words, and without J where none is asked for', async () => {
    const { question, J, noJ } = await sample({ measure: 'none' })
    const { text } = playgroundProblem(context.store, { task: countdown, problemSeed: 4 })
    expect(text.match(/\d+/g)!.slice(0, 4).map(Number)).toEqual(question.match(/\d+/g)!.map(Number))
    expect([J, noJ]).toEqual([null, 'It was not asked for.'])
  })

  it('of arithmetic is asked of a model of text in words, with J over its listed answers', async () => {
    const task = { name: 'arithmetic', options: { level: '2' } }
    const rollout = await sample({ start: 'model:1', task, settings: { temperature: 1, thinkingTokens: 12, answerTokens: 5, seed: 2 } })
    expect(rollout.question).toBe(playgroundProblem(context.store, { task, problemSeed: 4 }).text)
    expect(rollout.prompt).toContain(rollout.question)
    expect(rollout.J!.values.every((value) => value >= 0 && value <= 1)).toBe(true)
    expect(rollout.text.slice(0, rollout.thoughtEnd).length).toBe(rollout.episodes.at(-1)?.textEnd ?? 0)
    expect(typeof rollout.grade!.correct).toBe('boolean')
  })
})

describe('own text', () => {
  it('goes to a model of text, is cut into episodes, and has neither grade nor J, with the reason', async () => {
    const rollout = await sample({ start: 'model:1', task: null, text: 'one two three' })
    expect(rollout).toMatchObject({ question: 'one two three', grade: null, J: null })
    expect(rollout.noJ).toBe('There is no problem to be right about: own text has no answer on record.')
    expect(rollout.textEnds.length).toBeLessThanOrEqual(48)
  })

  it('is asked as it stands of a model that has no template: one token is enough, and none is refused', async () => {
    const file = writeLittleText(join(bench.folder, 'plain.gguf'))
    // Under a name that says nothing, as long as that of the template.
    writeFileSync(file, readFileSync(file).toString('latin1').replace('tokenizer.chat_template', 'tokenizer.nothing_of_it'), 'latin1')
    const plain = bench.open('no template')
    try {
      await importModel(plain.store, file, { name: 'plain', signal: new AbortController().signal, now: Date.now })
      const ask = (text: string) => playground(plain, asking({ start: 'model:1', task: null, text, measure: 'none' }), {})
      expect(await ask('a')).toMatchObject({ question: 'a', promptTokens: 1 })
      await expect(ask('')).rejects.toEqual(
        refusal('playground.prompt', { expected: 'a text of one token or more', found: 'none', next: 'Write something to ask' }),
      )
    } finally {
      plain.close()
    }
  })

  it('in the notation of its task goes to a model that knows no other words, and is graded', async () => {
    const { question } = await sample()
    const [, bare] = /(\d[\d ]*-> \d+)/.exec(question)!
    const rollout = await sample({ task: null, text: bare! })
    expect(written(rollout)).toEqual(written(await sample()))
    const asked = await sample({ problemSeed: 0 })
    const [, example] = /(\d[\d ]*-> \d+)/.exec(asked.question)!
    const long = `What is ${'very '.repeat(40)}late?`
    await expect(sample({ task: null, text: ` ${long} ` })).rejects.toEqual(
      refusal('playground.words', {
        expected: `a problem in the notation of countdown, such as "${example}"`,
        found: `"${long.slice(0, 80)}"`,
        next: 'write such a problem',
      }),
    )
  })

  it('that no number of operations answers has no J, and says so', async () => {
    const { J, noJ } = await sample({ task: null, text: '1 1 1 -> 99' })
    expect([J, noJ]).toEqual([null, 'This problem has no right answer.'])
  })

  it('in the notation that is longer than any problem of the task has no J, and says why', async () => {
    const { J, noJ, grade } = await sample({ task: null, text: '1 2 3 4 5 6 -> 7' })
    expect([J, noJ, grade === null]).toEqual([
      null,
      'It is longer than any problem of the task: its right answers are too many to sum.',
      false,
    ])
    expect((await sample({ task: null, text: '1 2 3 4 -> 7' })).noJ).toBe('')
    // Of five numbers there are problems.
    expect((await sample({ task: null, text: '1 1 1 1 1 -> 99' })).noJ).toBe('This problem has no right answer.')
  })

  it('and a task at once are refused, as is neither, a task without words, and more than the model has positions for', async () => {
    const either = { expected: 'a task or a text', next: 'Ask one of them' }
    await expect(sample({ text: '1' })).rejects.toEqual(refusal('playground.prompt', { ...either, found: 'both' }))
    await expect(sample({ task: null })).rejects.toEqual(refusal('playground.prompt', { ...either, found: 'neither' }))
    await expect(sample({ task: { name: 'gcd', options: {} } })).rejects.toEqual(refusal('run.vocabulary'))
    const { promptTokens } = await sample({ measure: 'none' })
    const settings = { ...asking().settings, thinkingTokens: 4000 }
    const room = mostTokens(COUNTDOWN_FORMAT, { ...settings, forced: true })
    await expect(sample({ settings })).rejects.toEqual(
      refusal('playground.tooLong', {
        expected: 'within the 256 positions of the model',
        found: `${promptTokens} tokens of prompt and room for ${room}`,
        next: 'Ask for fewer tokens',
      }),
    )
  })

  it('is refused where weights have no finite answer', async () => {
    const tensors = new Map(
      parameterSpecs(MICRO_CONFIG).map(({ name, dims }) => [
        name,
        { dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(Number.NaN) },
      ]),
    )
    const { path } = await saveCheckpoint(join(bench.folder, 'diverged'), { config: MICRO_CONFIG, tensors, meta: {} })
    await expect(sample({ start: path })).rejects.toEqual(
      refusal('playground.nonfinite', { expected: 'finite logits', found: 'some that are not', next: 'choose another checkpoint' }),
    )
  })

  it('of an imported set whose answers cannot be listed is graded and has no J, and says why', async () => {
    const { store } = context
    const dataset = addPatterns(store)
    const task = { name: 'dataset', options: { dataset } }
    const { J, noJ, grade, question } = await sample({ start: 'model:1', task, settings: { ...asking().settings, thinkingTokens: 4 } })
    expect([J, noJ, grade === null]).toEqual([null, 'The accepted answers of dataset cannot be listed.', false])
    expect(question).toMatch(/^Name a number above \d+\.$/)
  })
})

describe('the problem of a seed', () => {
  const of = (sizes: Partial<Record<Split, number | null>>, problems?: SpokenTask['problems']) => {
    const asked: [split: string, count: number, seed: unknown][] = []
    const task = {
      name: 'some task',
      size: (split: Split) => (split in sizes ? sizes[split] : 0),
      problems(split: Split, count: number, seed: number) {
        asked.push([split, count, seed])
        return problems?.(split, count, seed) ?? [{ id: split }]
      },
    } as unknown as SpokenTask
    return { asked, task }
  }

  it('is one that is held out where there are such, else one to validate with, else one to train on', () => {
    for (const [sizes, split] of [
      [{ heldout: 1, validation: 1, train: 1 }, 'heldout'],
      [{ heldout: null, train: 1 }, 'heldout'],
      [{ validation: 2, train: 1 }, 'validation'],
      [{ train: 5 }, 'train'],
    ] as const) {
      const { asked, task } = of(sizes)
      expect([drawn(task, 4).id, asked]).toEqual([split, [[split, 1, deriveSeed(4, 'playground problem')]]])
    }
  })

  it('is refused where the task has none, and fails as the task fails where that is a bug', () => {
    const none = refusal('run.fewProblems', { expected: 'a problem of some task', found: 'none', next: 'Choose another level' })
    const { task, asked } = of({})
    expect(() => drawn(task, 4)).toThrow(none)
    expect(asked).toEqual([])
    expect(() => drawn(of({ train: 1 }, () => []).task, 4)).toThrow(none)
    const failing = (error: Error) =>
      of({ train: 1 }, () => {
        throw error
      }).task
    expect(() => drawn(failing(new TaskError('too-few-problems', 'few')), 4)).toThrow(none)
    const bug = new Error('a bug')
    expect(() => drawn(failing(bug), 4)).toThrow(bug)
  })
})

describe('the job', () => {
  const lab = (tell: (event: LabEvent) => void = () => {}) => {
    const jobs = createJobs({ tell, now: Date.now })
    return {
      jobs,
      answers: playgroundAnswers({
        open: () => context.store,
        shown: () => context.store,
        jobs,
        engine: () => Promise.resolve(context.engine),
        deviceTests: context.deviceTests!,
        experiments,
        now: Date.now,
      }),
    }
  }

  it('is cancelled with the call, records nothing, and leaves the engine to the next', async () => {
    const before = context.store.rollouts.page({ filter: {}, sort: 'place', descending: false, limit: 10, after: null }).rollouts.length
    const abort = new AbortController()
    const { jobs, answers } = lab((event) => event.kind === 'playground' && abort.abort())
    await expect(answers.sample(asking(), { signal: abort.signal })).rejects.toMatchObject({ code: 'job.cancelled' })
    expect(jobs.list()).toEqual([])
    expect(((await answers.sample(asking(), { signal: new AbortController().signal })) as PlaygroundRollout).text).not.toBe('')
    expect(context.store.rollouts.page({ filter: {}, sort: 'place', descending: false, limit: 10, after: null }).rollouts.length).toBe(
      before,
    )
  })

  it('can be had of every model and of every checkpoint of the sample', async () => {
    mkdirSync(join(bench.folder, 'copy'))
    cpSync(join(import.meta.dirname, '../../resources/sample'), join(bench.folder, 'copy', 'sample'), { recursive: true })
    expect(
      (await lab().answers.sources(undefined, { signal: new AbortController().signal })).map(({ start, speaks }) => [start, speaks]),
    ).toContainEqual(['model:1', null])
    const opened = bench.open('copy/sample')
    try {
      const found = await playgroundAnswers({
        open: () => opened.store,
        shown: () => opened.store,
        jobs: createJobs({ tell: () => {}, now: Date.now }),
        engine: () => Promise.resolve(opened.engine),
        deviceTests: opened.deviceTests!,
        experiments,
        now: Date.now,
      }).sources(undefined, { signal: new AbortController().signal })
      expect(found[0]).toEqual({ start: 'starter', title: 'starter model', speaks: 'countdown', runId: null, step: null })
      const checkpoints = found.filter(({ start }) => start.startsWith('checkpoint:'))
      expect(checkpoints).toHaveLength(3)
      expect(checkpoints.every(({ speaks }) => speaks === 'countdown')).toBe(true)
    } finally {
      opened.close()
    }
  })
})

describe('a stream', () => {
  /** A decoder that has its words ready and obeys only the length asked for. */
  const scripted = (words: readonly number[], asked: [from: number, length: number][]): Decoder =>
    ({
      maxLength: 1000,
      generate({ sources, requests: [request] }: Parameters<Decoder['generate']>[0]) {
        const from = sources[0]!.length - 1
        asked.push([from, request!.maxNewTokens])
        const tokens = words.slice(from, from + request!.maxNewTokens)
        return Promise.resolve([
          {
            tokens: Int32Array.from(tokens),
            logps: new Float32Array(tokens.length),
            samplingLogps: new Float32Array(tokens.length),
            sampled: new Uint8Array(tokens.length).fill(1),
            finish: from + request!.maxNewTokens >= words.length ? 'stop' : 'length',
          },
        ])
      },
    }) as unknown as Decoder
  const format = {
    closers: [[5, 6, 7]],
    terminationSuffix: [5, 6, 7],
    stopTokens: [9],
    answerStops: [],
    read: (tokens: ArrayLike<number>) => ({
      closed: Array.from(tokens).join().includes('5,6,7'),
      answerStart: 0,
      boundaries: [0],
      thinkEnd: 0,
    }),
  } as unknown as TaskFormat

  it('whose piece would end inside of what closes the thought asks for it again, longer, from the same place', async () => {
    const asked: [number, number][] = []
    const words = [1, 1, 1, 1, 1, 1, 5, 6, 7, 2, 9]
    const { tokens } = await streamRollout(scripted(words, asked), format, [0], {
      temperature: 1,
      thinkingTokens: 30,
      answerTokens: 10,
      forced: true,
      seed: 1,
    })
    expect([...tokens]).toEqual(words)
    expect(asked.slice(0, 2)).toEqual([
      [0, 8],
      [0, 11],
    ])
  })
})
