// A run as other trainers can take it up: its problems in words, its settings, and the progress reward as a Python module with the numbers of this
// program, with a script for TRL and a recipe for verl. The Python lies in resources/handover as it is written out; the run is in the two JSON files.
import { copyFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LabError, type RunSpec } from '../../../src-preload/contract.ts'
import type { Method } from '../../rl/algorithms.ts'
import type { Store } from '../../store/openStore.ts'
import { resourcesFolder } from '../process/resources.ts'
import { found } from '../process/found.ts'
import { methodOf } from './createRun.ts'
import { parseSpec } from './runSpecs.ts'
import { loadStart, vocabularyOf } from './start.ts'
import { taskInWords, taskOf, trainingPool } from './tasks.ts'
import { makeFolder } from '../../disk/makeFolder.ts'

const FILES = ['mrt_reward.py', 'train_trl.py', 'verl_reward.py', 'verl_recipe.sh'] as const
/** Answers drawn at a boundary where the run had J exactly. */
const SAMPLES = 4
const OUTCOME = ['grpo', 'dr-grpo', 'rloo'] as const

/** How tokens are paid, in the words of `credits` of mrt_reward.py. */
export interface HandedCredit {
  readonly alpha: number
  readonly credit: string
  readonly discount: number
  readonly base: string
  readonly centre: string
  readonly best_of_k: number
}

export interface HandedOver {
  readonly folder: string
  readonly files: string[]
  readonly problems: number
}

/**
 * Writes a run into a folder of its own. Throws LabError `run.unknown`, `handOver.notation` for a run without a tokenizer of text, `handOver.method`
 * for credit that the module does not know, `handOver.answers` where answers cannot be listed, `handOver.folder` for one that holds something.
 */
export async function handOver(store: Store, runId: number, folder: string, now: () => number): Promise<HandedOver> {
  const run = found('run', runId, store.runs.get(runId))
  if (run.method === 'imported')
    throw new LabError('handOver.method', {
      expected: 'a run of this program',
      found: `${run.name}, which was imported`,
      next: 'Choose a run that was trained here.',
    })
  const spec = parseSpec(run.config)
  const method = methodOf(spec)
  const credit = creditOf(spec, method)
  const start = await loadStart(store, spec.start, now)
  if (start.tokenizer === null)
    throw new LabError('handOver.notation', {
      expected: 'a run of a model of text, whose problems other trainers can ask',
      found: `${run.name}, in the notation of its task`,
      next: 'Choose a run that starts from a model of text.',
    })
  const asked = taskInWords(store, spec)
  const task = taskOf(store, spec, vocabularyOf(start))
  const problems = trainingPool(task).map((problem) => {
    const golds = asked.answers(problem)
    if (golds === null)
      throw new LabError('handOver.answers', {
        expected: `accepted answers of ${task.name} that can be listed`,
        found: 'a problem without',
        next: 'Choose a run of another task.',
      })
    return { prompt: task.format.toText(problem.promptTokens), question: problem.promptText, golds }
  })
  if ((await readdir(folder).catch(() => [])).length > 0)
    throw new LabError('handOver.folder', { expected: 'a new or empty folder', found: folder, next: 'Name another folder.' })
  makeFolder(folder)
  for (const file of FILES) await copyFile(join(resourcesFolder(), 'handover', file), join(folder, file))
  const { format } = task
  const options = method.options as Readonly<Record<string, unknown>>
  const settings = {
    run: run.uid,
    name: run.name,
    algorithm: run.algorithm,
    aggregation: method.algorithm.loss(method.options).aggregation,
    model: start.base.name,
    credit,
    samples: typeof options.branches === 'number' ? options.branches : SAMPLES,
    cues: format.closers
      .map((closer) => format.toText(closer))
      .filter((text) => !format.stopTokens.some((stop) => format.toText([stop]) === text)),
    forcedStop: format.toText(format.terminationSuffix),
    steps: spec.steps,
    seed: spec.seed,
    promptsPerStep: spec.promptsPerStep,
    groupSize: spec.groupSize,
    thinkingTokens: spec.budget.thinkingTokens,
    answerTokens: spec.budget.answerTokens,
    temperature: spec.sampling.temperature,
    learningRate: spec.optimizer.lr,
    klBeta: numberOf(options.klBeta, 0),
    clipLow: numberOf(options.clipLow, 0.2),
    clipHigh: numberOf(options.clipHigh, 0.2),
  }
  await writeFile(join(folder, 'settings.json'), `${JSON.stringify(settings, null, 2)}\n`)
  await writeFile(join(folder, 'problems.jsonl'), problems.map((problem) => `${JSON.stringify(problem)}\n`).join(''))
  return { folder, files: [...FILES, 'settings.json', 'problems.jsonl'], problems: problems.length }
}

const numberOf = (value: unknown, usual: number): number => (typeof value === 'number' ? value : usual)

/** The credit of a run in the words of the module. Throws LabError `handOver.method` where the module has none for it. */
export function creditOf(spec: Pick<RunSpec, 'algorithm'>, { algorithm, options }: Method): HandedCredit {
  const chosen = options as Readonly<Record<string, unknown>>
  const outcome = OUTCOME.find((name) => name === algorithm.name)
  if (outcome !== undefined) return { alpha: 0, credit: 'scalar', discount: 0, base: outcome, centre: 'none', best_of_k: 1 }
  const refuse = (thing: string): LabError =>
    new LabError('handOver.method', {
      expected: `a run of mrt-exact, mrt-online, ${OUTCOME.join(', ')}, paid by the current weights and without a control`,
      found: thing,
      next: 'Choose such a run, or train one.',
    })
  if (algorithm.name !== 'mrt-exact' && algorithm.name !== 'mrt-online') throw refuse(spec.algorithm.name)
  for (const [option, usual] of [
    ['control', 'none'],
    ['alphaCourse', 'constant'],
    ['mu', 'current'],
  ] as const)
    if (chosen[option] !== usual) throw refuse(`${algorithm.name} with ${option} ${String(chosen[option])}`)
  return {
    alpha: Number(chosen.alpha),
    credit: String(chosen.credit),
    discount: Number(chosen.lambda),
    base: String(chosen.base),
    centre: String(chosen.centre),
    best_of_k: Number(chosen.bestOf),
  }
}
