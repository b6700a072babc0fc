// The commands that train, evaluate and compare.
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { completeSpec, LabError, type Evaluation, type Run, type RunSpec } from '../../src-preload/contract.ts'
import { presetNames, QUICKSTART_DEFAULTS } from '../lab/answers/choices.ts'
import { assign, specFrom, wholeNumber } from './options.ts'
import { durationText } from './progress.ts'
import { reportText } from './report.ts'
import { DEFAULT_WORKSPACE, withLab } from './session.ts'
import type { Asking } from './session.ts'
import { tableText, writeJson } from './table.ts'

interface Common {
  readonly workspace: string
  readonly json?: boolean
  readonly threads?: number
}

/** A command with the options that all experiments share. */
function experiment(name: string, about: string): Command {
  return new Command(name)
    .description(about)
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--threads <n>', 'threads of a running graph (default: all cores)', wholeNumber(1))
    .option('--json', 'print one JSON object as the last line')
}

export function quickstartCommand(): Command {
  return experiment(
    'quickstart',
    'train outcome RL, a length penalty and MRT-exact from the starter model, evaluate them on the same problems, and compare',
  )
    .option('--steps <n>', 'training steps of each run', wholeNumber(1), QUICKSTART_DEFAULTS.steps)
    .option('--seeds <n>', 'runs of each method', wholeNumber(1), QUICKSTART_DEFAULTS.seeds)
    .option('--problems <n>', 'held-out problems of each evaluation', wholeNumber(8), QUICKSTART_DEFAULTS.evaluationProblems)
    .option('--samples <n>', 'rollouts per problem of each evaluation', wholeNumber(2), QUICKSTART_DEFAULTS.evaluationSamples)
    .option('--evaluate-every <n>', 'steps between evaluations during training; 0 evaluates at the end only', wholeNumber(0), 0)
    .option('--no-open', 'do not open the workbench afterwards')
    .action(
      async (
        options: Common & { steps: number; seeds: number; problems: number; samples: number; evaluateEvery: number; open: boolean },
      ) => {
        const began = Date.now()
        await withLab({ ...options, create: true }, async ({ client, folder, progress }) => {
          progress.say(`Training ${options.seeds * 3} runs of ${options.steps} steps in ${folder}. Ctrl-C stops; \`mrt resume\` goes on.`)
          const known = new Set((await client.evaluations.list()).map(({ id }) => id))
          const runs = await client.runs.startAll({ specs: await quickstartSpecs(client, options) })
          for (const { id } of runs) await client.runs.done({ runId: id })
          progress.close()
          const runIds = runs.map(({ id }) => id)
          const { table, ...report } = await client.compare.report({ runIds, baseline: runIds[0]! })
          process.stdout.write(
            `\n${reportText(table, table.budget)}\n\nEverything is in ${folder} (${durationText(Date.now() - began)}).\n`,
          )
          if (!options.json) return
          const trained = await Promise.all(runIds.map(async (runId) => (await client.runs.get({ runId })).item.run))
          const evaluations = (await client.evaluations.list()).filter(({ id }) => !known.has(id))
          writeJson({
            workspace: folder,
            ...report,
            timing: {
              totalMs: Date.now() - began,
              trainingMs: trained.reduce((sum, { activeMs }) => sum + activeMs, 0),
              evaluationMs: evaluations.reduce((sum, { wallMs }) => sum + wallMs, 0),
            },
          })
        })
        if (options.open) {
          const { openWorkbench } = await import('./machine.ts')
          await openWorkbench(resolve(options.workspace))
        }
      },
    )
}

/** The quickstart's runs, seed by seed, method by method: its presets at the size asked for. */
async function quickstartSpecs(
  client: Asking['client'],
  {
    steps,
    seeds,
    problems,
    samples,
    evaluateEvery,
  }: { steps: number; seeds: number; problems: number; samples: number; evaluateEvery: number },
): Promise<RunSpec[]> {
  const presets = (await client.presets.list()).filter(({ quickstart }) => quickstart)
  return Array.from({ length: seeds }, (_, index) => index + 1).flatMap((seed) =>
    presets.map(({ id, spec }) => ({
      ...spec,
      preset: id,
      seed,
      steps,
      group: `quickstart ${id} ${steps} steps`,
      evaluation: { ...spec.evaluation, problems, samples, every: evaluateEvery },
    })),
  )
}

export function runCommand(): Command {
  return experiment('run', 'train one run')
    .requiredOption('--preset <name|file>', `a preset (${presetNames.join(', ')}) or a specification in a .json file`)
    .option('--steps <n>', 'training steps', wholeNumber(1))
    .option('--seed <n>', 'seed of the run', wholeNumber(0))
    .option('--name <text>', 'what the run is called')
    .option(
      '--set <key=value>',
      'change a field of the specification, e.g. algorithm.options.alpha=0.5; may be repeated',
      (text: string, all: string[]) => [...all, text],
      [],
    )
    .option('--no-evaluate', 'do not evaluate the finished run')
    .option('--ray <address>', 'have the workers of a Ray cluster draw and measure, such as 127.0.0.1:6379; the rest stays here')
    .option('--ray-workers <n>', 'workers that are asked for (default: 2)', wholeNumber(1))
    .option('--ray-python <command>', 'a Python that has the package ray (default: python3)')
    .option(
      '--ray-patience <seconds>',
      'how long a worker may be silent, whatever it does, before its share is done elsewhere (default: 300)',
      wholeNumber(1),
    )
    .option('--leaves-machine', 'the cluster is on another machine: weights, prompts and thoughts may be sent there')
    .action(
      (options: Common & RayOptions & { preset: string; steps?: number; seed?: number; name?: string; set: string[]; evaluate: boolean }) =>
        withLab({ ...options, create: true }, async (asking) => {
          const spec = specFrom(options.preset)
          for (const key of ['steps', 'seed', 'name'] as const) if (options[key] !== undefined) spec[key] = options[key]
          for (const text of options.set) assign(spec, text)
          const run = await asking.client.runs.start({
            spec: completeSpec(spec),
            evaluated: options.evaluate,
            ...(options.ray !== undefined && { ray: rayGiven(options.ray, options) }),
          })
          asking.progress.say(`run ${run.id}: ${run.name}`)
          await asking.client.runs.done({ runId: run.id })
          await tellRun(asking, run.id, options)
        }),
    )
}

interface RayOptions {
  readonly ray?: string
  readonly rayWorkers?: number
  readonly rayPython?: string
  readonly rayPatience?: number
  readonly leavesMachine?: boolean
}

const rayGiven = (address: string, { rayWorkers, rayPython, rayPatience, leavesMachine = false }: RayOptions) => ({
  address,
  leavesMachine,
  ...(rayWorkers !== undefined && { workers: rayWorkers }),
  ...(rayPython !== undefined && { python: rayPython }),
  ...(rayPatience !== undefined && { patience: rayPatience }),
})

export function resumeCommand(): Command {
  return experiment(
    'resume',
    'go on with a run from its last checkpoint, and with evaluations that were cut short; without an id, with everything unfinished',
  )
    .argument('[run]', 'id of the run', wholeNumber(1))
    .option('--no-evaluate', 'do not evaluate finished runs')
    .option('--here', 'without the cluster that the run was started on; the numbers are the same')
    .action((runId: number | undefined, options: Common & { evaluate: boolean; here?: boolean }) =>
      withLab(options, async (asking) => {
        const { client, progress } = asking
        const runs = (await client.runs.list()).map(({ run }) => run)
        const evaluations = await client.evaluations.list()
        const ofRun = (id: number): Evaluation[] => evaluations.filter((each) => each.runId === id)
        const unfinished = runs.filter((run) =>
          runId === undefined
            ? run.method !== 'imported' &&
              (run.status !== 'finished' || (options.evaluate && (lacksEvaluation(ofRun(run.id)) || ofRun(run.id).some(isCutShort))))
            : run.id === runId,
        )
        if (runId !== undefined && unfinished.length === 0)
          throw new LabError('run.unknown', { expected: 'the id of a run', found: String(runId), next: 'List the runs with `mrt runs`.' })
        if (unfinished.length === 0) progress.say('Every run is finished.')
        for (const run of unfinished) {
          progress.say(`run ${run.id}: ${run.name}, ${run.lastStep ?? 0} of ${run.plannedSteps} steps recorded`)
          const again = run.status === 'finished' && options.evaluate ? await finishEvaluations(asking, run.id) : []
          if (again.length === 0) {
            await goOn(asking, run, options)
            await tellRun(asking, run.id, options)
            continue
          }
          progress.close()
          for (const { id, metrics } of again) printMetrics(`evaluation ${id} of run ${run.id}, made anew`, metrics)
          if (options.json)
            writeJson({
              workspace: asking.folder,
              run: { id: run.id, name: run.name, method: run.method, seed: run.seed, status: run.status, steps: run.lastStep },
              evaluations: again.map(({ id }) => id),
              metrics: again.at(-1)!.metrics,
            })
        }
      }),
    )
}

/** A finished run whose evaluation was begun and never finished. */
const lacksEvaluation = (evaluations: readonly Evaluation[]): boolean =>
  evaluations.length > 0 && !evaluations.some(({ status }) => status === 'finished')

/** An evaluation that was cut short and whose weights are still there. */
const isCutShort = ({ status, checkpointId }: Evaluation): boolean => status === 'interrupted' && checkpointId !== null

/** Makes anew every evaluation of the run that was cut short, once for the same weights and problems: what is finished takes the place of those. */
async function finishEvaluations({ client }: Asking, runId: number): Promise<Evaluation[]> {
  const made: Evaluation[] = []
  for (;;) {
    const next = (await client.evaluations.list({ runId })).find(isCutShort)
    if (next === undefined) return made
    const { id } = await client.evaluations.start({ runId, checkpointId: next.checkpointId, split: next.split })
    made.push(await client.evaluations.get({ evaluationId: (await client.jobs.done({ jobId: id })) as number }))
  }
}

/** Trains the run to its end and evaluates it, whatever of that is left; one of which nothing is left is evaluated again. */
async function goOn(
  { client }: Asking,
  { id: runId, status }: Run,
  { evaluate, here = false }: { evaluate: boolean; here?: boolean },
): Promise<void> {
  if (status === 'finished' && !evaluate) return
  try {
    await client.runs.resume({ runId, evaluated: evaluate, here })
    await client.runs.done({ runId })
  } catch (error) {
    if (!(error instanceof LabError && error.code === 'run.finished')) throw error
    await client.jobs.done({ jobId: (await client.evaluations.start({ runId })).id })
  }
}

async function tellRun({ client, folder, progress }: Asking, runId: number, { json }: Common): Promise<void> {
  progress.close()
  const { run } = (await client.runs.get({ runId })).item
  const evaluation = (await client.evaluations.list({ runId })).at(-1)
  const metrics = evaluation?.metrics ?? (await client.steps.get({ runId, step: run.lastStep ?? 0 }))?.metrics ?? {}
  printMetrics(`run ${runId}: ${run.name}, ${run.status}`, metrics)
  if (json)
    writeJson({
      workspace: folder,
      run: { id: runId, name: run.name, method: run.method, seed: run.seed, status: run.status, steps: run.lastStep },
      metrics,
    })
}

interface EvaluateOptions extends Common {
  readonly checkpoint?: number
  readonly split: string
  readonly model?: string
  readonly preset?: string
  readonly set: readonly string[]
}

/** The specification of `--model` and `--preset`; null where a run is named. Throws LabError `evaluate.option`. */
function specAsked(runId: number | undefined, { model, preset, set }: EvaluateOptions): RunSpec | null {
  if (runId !== undefined && model === undefined) return null
  if (runId !== undefined || model === undefined || preset === undefined)
    throw new LabError('evaluate.option', {
      expected: 'the id of a run, or --model with --preset',
      found: runId !== undefined ? 'both' : model === undefined ? 'neither' : '--model alone',
      next: 'Write mrt evaluate RUN, or mrt evaluate --model model:ID --preset NAME.',
    })
  const spec = specFrom(preset)
  for (const text of set) assign(spec, text)
  return completeSpec({ ...spec, start: model })
}

export function evaluateCommand(): Command {
  return experiment('evaluate', 'evaluate the newest checkpoint of a run on held-out problems, or a model that nothing was trained of')
    .argument('[run]', 'id of the run', wholeNumber(1))
    .option('--model <name>', 'instead of a run: starter, model:ID (one that is served too) or checkpoint:ID')
    .option('--preset <name|file>', 'with --model: the task, the budget and the settings of sampling, as runs have them')
    .option(
      '--set <key=value>',
      'with --model: change a field of that specification, e.g. evaluation.problems=32; may be repeated',
      (text: string, all: string[]) => [...all, text],
      [],
    )
    .option('--checkpoint <id>', 'a certain checkpoint of the run', wholeNumber(1))
    .addOption(
      new Option(
        '--split <name>',
        'which problems: held-out ones with the targets of training, or with targets that no training problem asks for',
      )
        .choices(['heldout', 'heldout-targets'])
        .default('heldout'),
    )
    .action((runId: number | undefined, options: EvaluateOptions) =>
      withLab(options, async ({ client, folder, progress }) => {
        const spec = specAsked(runId, options)
        const { checkpoint: checkpointId = null, split } = options
        const job = await (spec === null
          ? client.evaluations.start({ runId: runId!, checkpointId, split })
          : client.evaluations.startOf({ spec, split }))
        const id = (await client.jobs.done({ jobId: job.id })) as number
        progress.close()
        const { metrics, config } = await client.evaluations.get({ evaluationId: id })
        const { window } = config as { readonly window?: number }
        printMetrics(
          `evaluation ${id} of ${runId === undefined ? options.model! : `run ${runId}`}${window === undefined ? '' : `, linearised in a window of ${window} tokens`}`,
          metrics,
        )
        if (options.json) writeJson({ workspace: folder, evaluation: id, run: runId ?? null, metrics })
      }),
    )
}

export function runsCommand(): Command {
  return experiment('runs', 'list the runs of a workspace').action((options: Common) =>
    withLab(options, async ({ client, folder }) => {
      const listed = await client.runs.list()
      const evaluations = await client.evaluations.newest({ runIds: listed.map(({ run }) => run.id) })
      const runs = listed.map(({ run, latest }, at) => ({ ...run, latest, evaluation: evaluations[at] ?? null }))
      process.stdout.write(
        `${tableText<(typeof runs)[number]>(
          [
            { title: 'id', cell: (run) => String(run.id) },
            { title: 'name', align: 'left', cell: (run) => run.name },
            { title: 'method', align: 'left', cell: (run) => run.method },
            { title: 'seed', cell: (run) => String(run.seed) },
            { title: 'status', align: 'left', cell: (run) => run.status },
            { title: 'steps', cell: (run) => `${run.lastStep ?? 0}/${run.plannedSteps}` },
            { title: 'reward', cell: (run) => run.latest['rewards/outcome/mean']?.toFixed(3) ?? '' },
            { title: 'accuracy', cell: (run) => run.evaluation?.metrics.accuracy?.toFixed(3) ?? '' },
            { title: 'tokens', cell: (run) => run.evaluation?.metrics['completions/mean_length']?.toFixed(1) ?? '' },
            { title: 'time', cell: (run) => durationText(run.activeMs) },
          ],
          runs,
        )}\n`,
      )
      if (options.json)
        writeJson({
          workspace: folder,
          runs: runs.map(({ id, uid, name, method, algorithm, seed, status, lastStep, plannedSteps, activeMs, latest, evaluation }) => ({
            id,
            uid,
            name,
            method,
            algorithm,
            seed,
            status,
            steps: lastStep ?? 0,
            plannedSteps,
            activeMs,
            latest,
            evaluation: evaluation?.metrics ?? null,
          })),
        })
    }),
  )
}

export function compareCommand(): Command {
  return experiment('compare', 'compare evaluated runs; seeds of one configuration are taken together')
    .argument('[runs...]', 'ids of the runs, the first is the baseline (default: every evaluated run)')
    .action((ids: string[], options: Common) =>
      withLab(options, async ({ client, folder }) => {
        const runIds = ids.length > 0 ? ids.map(wholeNumber(1)) : await evaluatedRuns(client)
        if (runIds.length === 0)
          throw new LabError('compare.nothing', {
            expected: 'at least one evaluated run',
            found: 'none',
            next: 'Train some with `mrt quickstart`.',
          })
        const { table, ...report } = await client.compare.report({ runIds, baseline: runIds[0]! })
        process.stdout.write(`${reportText(table, table.budget)}\n`)
        if (options.json) writeJson({ workspace: folder, ...report })
      }),
    )
}

async function evaluatedRuns(client: Asking['client']): Promise<number[]> {
  const finished = new Set((await client.evaluations.list()).flatMap(({ status, runId }) => (status === 'finished' ? [runId] : [])))
  return (await client.runs.list()).map(({ run }) => run.id).filter((id) => finished.has(id))
}

function printMetrics(title: string, metrics: Readonly<Record<string, number>>): void {
  const rows = Object.entries(metrics).sort(([a], [b]) => (a < b ? -1 : 1))
  process.stdout.write(
    `${title}\n${tableText(
      [
        { title: 'metric', align: 'left', cell: ([name]) => name },
        { title: 'value', cell: ([, value]) => String(Number(value.toPrecision(5))) },
      ],
      rows,
    )}\n`,
  )
}
