// A model of text from a GGUF file, trained on a task in words and on a dataset that was imported: the whole way of a newcomer, on a model so
// small and random that nothing is learnt and everything can be checked.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  LabError,
  countedIn,
  isOfText,
  readChat,
  type Json,
  type RolloutDetail,
  type Run,
  type RunSpecInput,
  type SegmentRule,
} from '../../src-preload/contract.ts'
import { askedOf } from '../../src-main/lab/answers/askedOf.ts'
import { evaluateRun, knownStartEvaluation } from '../../src-main/lab/comparing/evaluateRun.ts'
import { importInto } from '../../src-main/lab/files/importInto.ts'
import { importModel } from '../../src-main/lab/files/importModel.ts'
import { measureJ } from '../../src-main/lab/thinking/measureJ.ts'
import { openContext, type OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { parseSpec } from '../../src-main/lab/training/runSpecs.ts'
import { loadStart, tokenizerOfStart, vocabularyOf } from '../../src-main/lab/training/start.ts'
import { stopHere } from '../../src-main/lab/thinking/stopHere.ts'
import { openProblems } from '../../src-main/lab/training/tasks.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { openStudy } from '../../src-main/lab/study/grid.ts'
import { recordOf } from '../../src-main/lab/study/recording.ts'
import { renderReport } from '../../src-main/lab/study/report.ts'
import { runStudy } from '../../src-main/lab/study/run.ts'
import { measureCuts } from '../../src-main/lab/thinking/measureCuts.ts'
import { readScope } from '../../src-main/lab/thinking/measuredRollouts.ts'
import { knownThought, segmentQueries } from '../../src-main/lab/thinking/thinkingSegments.ts'
import { endsBetween } from '../../src-main/episodes/cutsOfRule.ts'
import { tokenEndsOf } from '../../src-main/lab/answers/tokenizerOfRollout.ts'
import { tryTasks } from '../../src-main/lab/training/tryTasks.ts'
import { tasks } from '../../src-main/tasks/registry.ts'
import { wilson } from '../../src-main/numeric/intervals.ts'
import { deriveSeed } from '../../src-main/numeric/rng.ts'
import { mean } from '../../src-main/numeric/stats.ts'
import { episodeRules, textOf } from '../../src-main/rollout/format.ts'
import { exactMu } from '../../src-main/rollout/exactMu.ts'
import { loadWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import { sampleRollouts } from '../../src-main/rollout/sample.ts'
import { loadCheckpoint } from '../../src-main/model/checkpoint.ts'
import { writeLittleText } from '../model/littleText.ts'
import { addImported, addPatterns } from './importedSet.ts'
import { expectIntervals, expectMeans } from './studyFigures.ts'
import { textSpec as spec } from './textSpec.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-text-'))
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

const trained = async (more: Partial<RunSpecInput> = {}): Promise<number> => {
  const id = await createRun(context, spec(more))
  await trainRun(context, id)
  return id
}
const details = (runId: number): RolloutDetail[] =>
  context.store.rollouts
    .page({ filter: { runId }, sort: 'place', descending: false, limit: 100, after: null })
    .rollouts.map(({ id }) => context.store.rollouts.detail(id)!)

describe('a model of text', () => {
  let runId: number
  beforeAll(async () => {
    runId = await trained()
  })

  it('is trained on arithmetic in words, with exact J, and its rollouts read as text', () => {
    const { store } = context
    expect(store.runs.get(runId)!.status).toBe('finished')
    const { metrics } = store.steps.get(runId, 2)!
    expect(Math.abs(metrics['sampling/sampling_logp_difference/max']!)).toBeLessThan(1e-4)
    expect(metrics['train/padding']).toBeLessThan(1)
    for (const detail of details(runId)) {
      expect(detail.problem.prompt).toMatch(/^Start with \d+\./)
      expect(detail.provenance.template).toBe('in words, scratchpad')
      for (const { textStart, textEnd } of detail.episodes) {
        expect(textStart).toBeLessThanOrEqual(textEnd)
        expect(textEnd).toBeLessThanOrEqual(detail.text.length)
      }
    }
    expect(details(runId).some(({ text }) => text.includes('Answer:'))).toBe(true)
  })

  it('is read token by token: what each adds to the text, and nothing where its tokenizer is gone or the text is not of its tokens', async () => {
    const { store } = context
    const tokenizer = (await tokenizerOfStart(store, 'model:1'))!
    for (const detail of details(runId)) {
      const ends = (await tokenEndsOf(store, detail))!
      expect(ends).toHaveLength(detail.tokens.length)
      expect(ends.at(-1)).toBe(detail.text.length)
      for (const [index, end] of ends.entries()) {
        const alone = textOf(tokenizer, [detail.tokens[index]!])
        // Bytes that are no character by themselves may be one together.
        if (!alone.includes('\uFFFD') && end > 0) expect(detail.text.slice(ends[index - 1] ?? 0, end).replace(/^\uFFFD+/, '')).toBe(alone)
      }
      expect(await tokenEndsOf(store, { ...detail, text: `${detail.text} ` })).toBeNull()
    }
    const [first] = details(runId)
    const readable = (id: number): Run => ({ ...store.runs.readable(id)!, config: { start: 'model:99' } })
    expect(await tokenEndsOf({ ...store, runs: { ...store.runs, readable } }, first!)).toBeNull()
    expect(await tokenEndsOf(store, first!)).not.toBeNull()
  })

  it('is cut by other rules too, in its own tokens, or between what is known of them where its tokenizer is gone: at its own cuts with the J of the record', async () => {
    const { opener, unit, minGap, maxCuts, groupSize } = episodeRules.lines
    const lines: SegmentRule = { opener: { ...opener }, unit, minGap, maxCuts, groupSize }
    const rules = [
      { name: 'lines', rule: lines },
      { name: 'words', rule: { ...lines, opener: { kind: 'windows' as const, size: 1 }, unit: 'word' as const } },
    ]
    const asked = { scope: { runId }, rules, budget: 12, counted: 'thinking' as const, limit: 100 }
    const signal = new AbortController().signal
    const { store } = context
    const gone = {
      ...store,
      runs: { ...store.runs, readable: (id: number): Run => ({ ...store.runs.readable(id)!, config: { start: 'model:99' } }) },
    }
    const told = await segmentQueries(() => store).sensitivity(asked, { signal })
    const between = await segmentQueries(() => gone).sensitivity(asked, { signal })
    const [own] = told
    const all = details(runId)
    const problems = [...Map.groupBy(all, ({ problem }) => problem.id).values()]
    // The answer bears no mark that sets it apart from the thought, and is not cut all the same.
    const recorded = mean(problems.map((members) => mean(members.map(({ episodes }) => episodes.length))))
    expect(own!.episodes!.value).toBeCloseTo(recorded, 9)
    expect(own!.measuredShare).toBe(1)
    expect(own!.rolloutCount).toBe(all.length)
    const placed = await measureCuts(context, { ...asked, start: 'model:1' }, {})
    for (const [at, exact] of placed.entries()) {
      for (const { rolloutCount, episodes } of [told[at]!, between[at]!])
        expect([exact.rolloutCount, exact.episodes!.value, exact.measuredShare]).toEqual([rolloutCount, episodes!.value, 1])
      expect(told[at]!.episodeTokens!.value).toBeCloseTo(exact.episodeTokens!.value, 9)
      expect(Math.abs(exact.episodeTokens!.value - between[at]!.episodeTokens!.value)).toBeLessThan(0.25)
    }
    expect(between[0]).toEqual(own)
    const { measured } = await readScope(store, { runId }, 100, signal)
    let differing = 0
    for (const rollout of measured) {
      const { detail } = rollout
      const tokenEnds = [...(await tokenEndsOf(store, detail))!]
      expect(Array.from((await knownThought(store, rollout))!.tokenEnds)).toEqual(tokenEnds)
      const roughly = endsBetween(detail.text, detail.tokens.length, detail.episodes)
      expect((await knownThought(gone, rollout))!.tokenEnds).toEqual(roughly)
      if (tokenEnds.some((end, token) => end !== roughly![token])) differing++
    }
    expect(differing).toBeGreaterThan(0)
  })

  it('was asked in more words than its problem has, and a reader is told them from its tokens', async () => {
    for (const detail of details(runId).slice(0, 2)) {
      const { text, turns, from } = await askedOf(context.store, detail)
      expect(from).toBe('tokens')
      expect(text).toContain(detail.problem.prompt)
      expect(text).toContain('Think step by step. Then write "Answer:"')
      expect(turns.map(({ role }) => role)).toEqual(readChat(text)?.map(({ role }) => role) ?? [])
    }
    const [first] = details(runId)
    expect(await askedOf(context.store, { ...first!, promptTokens: new Int32Array(0) })).toMatchObject({
      text: first!.problem.prompt,
      from: 'problem',
    })
  })

  it('is evaluated along budgets, answered for at a boundary, and measured again afterwards with the same J', async () => {
    const { store } = context
    const evaluationId = await evaluateRun(context, { runId })
    const { metrics } = store.evaluations.get(evaluationId)!
    expect(metrics['ttc/regret@12']).toBeGreaterThanOrEqual(0)
    // The prompt is longer than the budget and is not charged for: the run says so, and so do the evaluation, the start's and the analysis.
    expect(countedIn(store.runs.get(runId)!.config)).toBe('thinking')
    expect(store.evaluations.get(evaluationId)!.config).toMatchObject({ counted: 'thinking', tokensCounted: 'thinking alone' })
    const given = parseSpec(spec())
    const startId = await evaluateRun(context, { startOf: given })
    expect(countedIn(store.evaluations.get(startId)!.config)).toBe('thinking')
    // Weights of no run speak in their own tokenizer.
    const { rollouts } = store.rollouts.page({ filter: { evaluationId: startId }, sort: 'place', descending: false, limit: 5, after: null })
    for (const { id } of rollouts) {
      const detail = store.rollouts.detail(id)!
      expect([...(await tokenEndsOf(store, detail))!].at(-1)).toBe(detail.text.length)
    }
    expect(rollouts).toHaveLength(5)
    expect(knownStartEvaluation(context, given, store.runs.get(runId)!.modelId)?.id).toBe(startId)
    expect(knownStartEvaluation(context, parseSpec(store.runs.get(runId)!.config), store.runs.get(runId)!.modelId)?.id).toBe(startId)
    expect(knownStartEvaluation(context, parseSpec(spec({ evaluation: { ...spec().evaluation, counted: 'all' } })), 1)).toBeNull()
    const [first] = details(runId).filter(({ episodes }) => episodes.length > 0)
    const said = await stopHere(context, { rolloutId: first!.rollout.id, boundary: 1, start: null, samples: 4 }, {})
    expect(said.answers.length).toBe(4)
    const outcome = await measureJ(context, { scope: { runId }, start: 'model:1', method: 'sampled', samples: 2, limit: 6 }, {})
    expect(outcome.measured).toBe(6)
    expect(outcome.unreadable).toEqual({})
  })

  it('ends with the same weights when it was killed and went on', async () => {
    const id = await createRun(context, spec())
    let steps = 0
    await trainRun(context, id, { control: () => (++steps === 1 ? 'pause' : 'go') })
    expect(context.store.runs.get(id)!.status).toBe('paused')
    await trainRun(context, id)
    const newest = async (run: number) =>
      [...(await loadCheckpoint(join(context.store.checkpointsFolder, context.store.checkpoints.newest(run)!.contentId))).tensors].map(
        ([name, { data }]) => [name, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')],
      )
    expect(await newest(id)).toEqual(await newest(runId))
  })
})

describe('a model of text by its record', () => {
  const config = { vocabSize: 704 }
  it('is one with a tokenizer of its own or of the model under its adapters, and none that speaks a notation', () => {
    expect(isOfText(context.store.models.get(1)!)).toBe(true)
    expect(isOfText({ kind: 'checkpoint', tokenizer: { task: null }, config: { ...config, lora: { rank: 4 } } })).toBe(true)
    expect(isOfText({ kind: 'checkpoint', tokenizer: { task: null }, config })).toBe(false)
    expect(isOfText({ kind: 'huggingface', tokenizer: { task: 'countdown' }, config })).toBe(false)
    expect(isOfText({ kind: 'starter', tokenizer: { task: 'countdown' }, config })).toBe(false)
  })
})

describe('exact J in text', () => {
  it('is the summed probability of every way of writing an accepted answer and ending it', async () => {
    const { store, engine } = context
    const start = await loadStart(store, 'model:1', Date.now)
    const source = openProblems(store, parseSpec(spec()), Date.now, vocabularyOf(start))
    const policy = await openPolicy(engine, start.config, await loadWeights(engine, start.config, start.weights), {
      rows: 8,
      maxLength: 256,
    })
    const { format } = source.task
    const [problem] = source.ofStep(1, 1)
    const [rollout] = await sampleRollouts(policy.decoder, format, [{ prompt: problem!.promptTokens, seed: 5 }], {
      temperature: 1,
      topK: 0,
      topP: 1,
      minP: 0,
      thinkingTokens: 12,
      answerTokens: 4,
    })
    const answers = source.answers(problem!)
    const mu = await exactMu(
      [{ prompt: rollout!.prompt, completion: rollout!.tokens, cuts: [0, 5, rollout!.thinkEnd], answers }],
      format.terminationSuffix,
      (feeds) => policy.branches.run(feeds),
    )
    const pathOf = (node: number): number[] => (node < 0 ? [] : [...pathOf(answers.parent[node]!), answers.token[node]!])
    const paths = [...answers.terminal.keys()].filter((node) => answers.terminal[node] === 1).map(pathOf)
    expect(paths.length).toBeGreaterThan(4)
    for (const [at, cut] of [0, 5, rollout!.thinkEnd].entries()) {
      const prompt = [...problem!.promptTokens, ...rollout!.tokens.slice(0, cut), ...format.terminationSuffix]
      const logps = await policy.score(paths.map((completion) => ({ prompt, completion })))
      const sum = logps.reduce((total, each) => total + Math.exp(each.reduce((a, b) => a + b, 0)), 0)
      expect(Math.abs(mu.J[0]![at]! - sum)).toBeLessThan(1e-9 + 1e-5 * sum)
    }
    policy.dispose()
  })
})

describe('tasks that a model tries', () => {
  it('are graded level by level, the same again for the same seed, with no more problems than there are', async () => {
    const request = {
      start: 'model:1',
      format: { thoughts: 'auto', episodes: 'lines', examples: 1 },
      levels: [
        { name: 'letter-counting', level: '1' },
        { name: 'lcm', level: '30' },
      ],
      problems: 60,
      thinkingTokens: 8,
      answerTokens: 4,
      temperature: 1,
      seed: 2,
    } as const
    const tried = await Array.fromAsync(tryTasks(context, request))
    expect(tried.map(({ name, level }) => [name, level])).toEqual(request.levels.map(({ name, level }) => [name, level]))
    expect(tried[0]!.problems).toBe(60)
    expect(tried[1]!.problems).toBe(tasks.lcm!.create({ level: '30' }, null as never).size('validation'))
    for (const { problems, right, low, high, listed, forced, tokens } of tried) {
      expect(low).toBeLessThanOrEqual(right / problems)
      expect(high).toBeGreaterThanOrEqual(right / problems)
      expect(listed).toBeLessThanOrEqual(right)
      expect(forced).toBeLessThanOrEqual(problems)
      expect(tokens).toBeGreaterThan(0)
    }
    expect(await Array.fromAsync(tryTasks(context, request))).toEqual(tried)
  })

  it('are answered by the draws of the weights themselves, and counted: right, forced, as listed, and how long', async () => {
    const request = {
      start: 'starter',
      format: { thoughts: 'auto', episodes: 'lines', examples: 0 } as const,
      levels: [{ name: 'countdown', level: '3' }],
      problems: 24,
      thinkingTokens: 40,
      answerTokens: 10,
      temperature: 0.75,
      seed: 2,
    }
    const [tried] = await Array.fromAsync(tryTasks(context, request))
    const start = await loadStart(context.store, 'starter', Date.now)
    const { task } = openProblems(
      context.store,
      { task: { name: 'countdown', options: { level: '3' } }, format: request.format, seed: 1 },
      Date.now,
      vocabularyOf(start),
    )
    const weights = await loadWeights(context.engine, start.config, start.weights)
    const policy = await openPolicy(context.engine, start.config, weights, { rows: 24, maxLength: 96 })
    const problems = task.problems('validation', 24, 2)
    const rollouts = await policy.sample(
      task.format,
      problems.map((problem, index) => ({ prompt: problem.promptTokens, seed: deriveSeed(2, 'countdown', '3', index) })),
      { temperature: 0.75, topK: 0, topP: 1, minP: 0, thinkingTokens: 40, answerTokens: 10 },
    )
    policy.dispose()
    weights.dispose()
    const right = rollouts.filter(({ tokens }, index) => task.grade(problems[index]!, tokens).correct).length
    expect(right).toBeGreaterThan(0)
    expect(tried).toEqual({
      name: 'countdown',
      level: '3',
      problems: 24,
      right,
      ...wilson(right, 24),
      // Steps of the notation are no expression.
      listed: 0,
      tokens: mean(rollouts.map(({ tokens }) => tokens.length)),
      forced: rollouts.filter(({ forcedStop }) => forcedStop).length,
    })
  })

  it('are refused with the name of what there is not', async () => {
    await expect(
      tryTasks(context, {
        start: 'model:1',
        format: { thoughts: 'auto', episodes: 'lines', examples: 0 },
        levels: [{ name: 'lcm', level: 'none' }],
        problems: 1,
        thinkingTokens: 8,
        answerTokens: 4,
        temperature: 1,
        seed: 2,
      }).next(),
    ).rejects.toSatisfy((error) => error instanceof LabError && error.code === 'run.task')
  })
})

describe('an imported dataset', () => {
  it('is a task: its problems are asked, graded and split, and rollouts point to the records that were imported', async () => {
    const { store } = context
    const { datasetId, problemIds: ids } = addImported(store, {
      name: 'sums',
      grader: 'integer',
      problems: Array.from({ length: 60 }, (_, i) => ({
        split: i < 40 ? 'train' : 'test',
        prompt: `How much is ${i} + 1?`,
        answer: String(i + 1),
      })),
    })
    const runId = await trained({ task: { name: 'dataset', options: { dataset: datasetId } }, steps: 1 })
    expect(store.runs.get(runId)!.datasetId).toBe(datasetId)
    for (const { problem } of details(runId)) expect(ids.slice(0, 40)).toContain(problem.id)
    expect(store.datasets.get(datasetId)!.problemCount).toBe(60)
    const evaluationId = await evaluateRun(context, { runId })
    for (const { problemId } of store.evaluations.results(evaluationId)) expect(ids.slice(40)).toContain(problemId)
  })

  it('without answers that can be listed is trained with sampled J, and refused where J must be exact', async () => {
    const { store } = context
    const datasetId = addPatterns(store)
    const task = { name: 'dataset', options: { dataset: datasetId } }
    await expect(createRun(context, spec({ task }))).rejects.toSatisfy(
      (error) => error instanceof LabError && error.code === 'run.noAnswers',
    )
    const runId = await trained({ task, steps: 1, algorithm: { name: 'mrt-online', options: { branches: 2 } } })
    const evaluationId = await evaluateRun(context, { runId })
    expect(context.store.evaluations.get(evaluationId)!.config).toMatchObject({
      estimator: 'mu of 4 sampled answers at boundaries and budgets',
    })
    // Live regret is there for every method, by sampled J where there is no exact one, and the groups asked for decide.
    const observing = async (groups: number) => {
      const id = await trained({ task, steps: 1, algorithm: { name: 'dr-grpo' }, observeGroups: groups })
      return { metrics: store.steps.get(id, 1)!.metrics, methods: details(id).map(({ progress }) => progress[0]?.estimator.method ?? null) }
    }
    const [one, none] = [await observing(1), await observing(0)]
    expect(one.metrics['ttc/regret@12']).toBeGreaterThanOrEqual(0)
    expect(one.methods.filter((method) => method === 'sampled')).toHaveLength(3)
    expect(none.metrics).not.toHaveProperty('ttc/regret@12')
  })

  it('is refused by name where there is none', async () => {
    await expect(createRun(context, spec({ task: { name: 'dataset', options: { dataset: 999 } } }))).rejects.toSatisfy(
      (error) => error instanceof LabError && error.code === 'dataset.unknown',
    )
    await expect(createRun(context, spec({ format: { thoughts: 'marks' } }))).rejects.toSatisfy(
      (error) => error instanceof LabError && error.code === 'run.format',
    )
  })
})

describe('a study on a model of text', () => {
  it('holds out the sets that the task has, starts from the weights that it names, and says so in its report', async () => {
    const { seed: _, steps, name: __, algorithm: ___, checkpointEvery: ____, ...shared } = spec({ steps: 1 })
    const study = openStudy(
      context,
      'words',
      {
        steps: steps!,
        seeds: 1,
        problems: 4,
        samples: 2,
        validation: 4,
        learningRate: 'fixed',
        arms: ['outcome', 'mrt-exact'],
        changes: shared as unknown as Json,
      },
      {},
    )
    expect(await runStudy(context, study, { environment: {} })).toBe(true)
    const record = recordOf(context, study)
    expect(record.cells.map(({ arm, status, evaluations }) => [arm, status, Object.keys(evaluations)])).toEqual([
      ['outcome', 'finished', ['heldout']],
      ['mrt-exact', 'finished', ['heldout']],
    ])
    expect(Object.keys(record.clusters)).toEqual(['heldout', 'validation'])
    const page = renderReport(record)
    expect(page).toContain('Problems that no run was trained on. 4 problems')
    expect(page).toContain('from the weights `model:1` of')
    expect(page).not.toMatch(/starter|targets/)
    expectMeans(record, page)
    expect(expectIntervals(record, page)).toBeGreaterThan(8)
  })
})

describe('rollouts of another trainer', () => {
  it('get J from a model of text that is here: their problems asked and their thoughts stopped in its tokens', async () => {
    const { store } = context
    const file = join(folder, 'foreign.jsonl')
    const row = (n: number, thought: string, answer: number): string =>
      JSON.stringify({
        input: `What is ${n} + 1?`,
        output: `<think>${thought}</think>\n\nAnswer: ${answer}`,
        gts: String(n + 1),
        score: answer === n + 1 ? 1 : 0,
        step: 1,
      })
    writeFileSync(file, [row(4, `first 4\nthen 1 more\nThe answer is 6, no, it is 5`, 5), row(7, 'seven and one', 9)].join('\n'))
    const { runId } = await importInto(store, [file], { as: 'verl' }, Date.now)
    const outcome = await measureJ(context, { scope: { runId: runId! }, start: 'model:1', method: 'exact', samples: 1, limit: 10 }, {})
    expect([outcome.measured, outcome.unreadable]).toEqual([2, {}])
    const [first] = details(runId!)
    const { estimates } = first!.progress[0]!
    // Before thinking, after each of three lines; the cue within the thought ends nothing.
    expect(estimates.length).toBe(4)
    for (const { value } of estimates) expect(value).toBeGreaterThan(0)
    const start = await loadStart(store, 'model:1', Date.now)
    const stopped = start.tokenizer!.decode([...first!.tokens].slice(0, estimates[1]!.tokenOffset))
    expect(stopped).toBe('<think>first 4')
    expect(start.tokenizer!.decode([...first!.tokens].slice(0, estimates.at(-1)!.tokenOffset))).toMatch(/it is 5$/)
    // Sampled answers are graded by what stands behind the forced stop.
    const again = await measureJ(context, { scope: { runId: runId! }, start: 'model:1', method: 'sampled', samples: 2, limit: 10 }, {})
    expect(again.measured).toBe(2)
    await expect(
      measureJ(context, { scope: { runId: runId! }, start: 'starter', method: 'exact', samples: 1, limit: 10 }, {}),
    ).rejects.toSatisfy((error) => error instanceof LabError && error.code === 'measure.unreadable')
  })
})
