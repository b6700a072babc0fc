// The commands that train, evaluate and compare.
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { LabError } from '../../src-preload/contract.ts'
import { newestFinished } from '../lab/comparing/compareArms.ts'
import { environment } from '../lab/process/environment.ts'
import { experiments } from '../lab/process/experiments.ts'
import { evaluateRun, finishEvaluations, interruptedEvaluations } from '../lab/comparing/evaluateRun.ts'
import type { EvaluationSplit, EvaluationTarget } from '../lab/comparing/evaluateRun.ts'
import { allPresets } from '../lab/training/textPresets.ts'
import { quickstart, QUICKSTART_DEFAULTS } from '../lab/training/quickstart.ts'
import { report, reportTable } from '../lab/comparing/report.ts'
import { createRun } from '../lab/training/createRun.ts'
import { onRay, raySettings, type RaySettings } from '../lab/training/raySettings.ts'
import { parseSpec } from '../lab/training/runSpecs.ts'
import { trainRun } from '../lab/training/trainRun.ts'
import { wholeRun } from '../lab/training/wholeRun.ts'
import { assign, specFrom, wholeNumber } from './options.ts'
import { durationText } from './progress.ts'
import { reportText } from './report.ts'
import { DEFAULT_WORKSPACE, withSession } from './session.ts'
import type { Session } from './session.ts'
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
        await withSession({ ...options, create: true }, async (session) => {
          const { store, progress } = session
          progress.say(
            `Training ${options.seeds * 3} runs of ${options.steps} steps in ${store.folder}. Ctrl-C stops; \`mrt resume\` goes on.`,
          )
          const done = await quickstart(
            session,
            {
              steps: options.steps,
              seeds: options.seeds,
              evaluationProblems: options.problems,
              evaluationSamples: options.samples,
              evaluateEvery: options.evaluateEvery,
              environment: environment(session.engine),
            },
            session,
          )
          progress.close()
          const baseline = done.runIds[0]!
          const trained = store.evaluations.ofRun(baseline).at(-1)!.trainedBudget!
          process.stdout.write(
            `\n${reportText(reportTable(store, done.runIds, baseline), trained)}\n\nEverything is in ${store.folder} (${durationText(Date.now() - began)}).\n`,
          )
          if (options.json)
            writeJson({
              workspace: store.folder,
              ...report(store, done.runIds, baseline),
              timing: { totalMs: Date.now() - began, trainingMs: done.trainingMs, evaluationMs: done.evaluationMs },
            })
        })
        if (options.open) {
          const { openWorkbench } = await import('./machine.ts')
          await openWorkbench(resolve(options.workspace))
        }
      },
    )
}

export function runCommand(): Command {
  return experiment('run', 'train one run')
    .requiredOption('--preset <name|file>', `a preset (${Object.keys(allPresets).join(', ')}) or a specification in a .json file`)
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
        withSession({ ...options, create: true }, async (session) => {
          const spec = specFrom(options.preset)
          for (const key of ['steps', 'seed', 'name'] as const) if (options[key] !== undefined) spec[key] = options[key]
          for (const text of options.set) assign(spec, text)
          const runId = await createRun(session, ...onRay(spec, environment(session.engine), rayGiven(options)))
          session.progress.say(`run ${runId}: ${session.store.runs.get(runId)!.name}`)
          await finishRun(session, runId, options)
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

const rayGiven = ({ ray, rayWorkers, rayPython, rayPatience, leavesMachine = false }: RayOptions): RaySettings | null =>
  ray === undefined
    ? null
    : raySettings({
        address: ray,
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
      withSession(options, async (session) => {
        const { store, progress } = session
        const unfinished = store.runs
          .list()
          .map(({ run }) => run)
          .filter((run) =>
            runId === undefined
              ? run.method !== 'imported' &&
                (run.status !== 'finished' ||
                  (options.evaluate && (lacksEvaluation(store, run.id) || interruptedEvaluations(store, run.id).length > 0)))
              : run.id === runId,
          )
        if (runId !== undefined && unfinished.length === 0)
          throw new LabError('run.unknown', { expected: 'the id of a run', found: String(runId), next: 'List the runs with `mrt runs`.' })
        if (unfinished.length === 0) progress.say('Every run is finished.')
        for (const run of unfinished) {
          progress.say(`run ${run.id}: ${run.name}, ${run.lastStep ?? 0} of ${run.plannedSteps} steps recorded`)
          const again = run.status === 'finished' && options.evaluate ? await finishEvaluations(session, run.id, session) : []
          if (again.length === 0) await finishRun(session, run.id, options)
          else {
            progress.close()
            for (const id of again) printMetrics(`evaluation ${id} of run ${run.id}, made anew`, store.evaluations.get(id)!.metrics)
            if (options.json)
              writeJson({
                workspace: store.folder,
                run: { id: run.id, name: run.name, method: run.method, seed: run.seed, status: run.status, steps: run.lastStep },
                evaluations: again,
                metrics: store.evaluations.get(again.at(-1)!)!.metrics,
              })
          }
        }
      }),
    )
}

/** A finished run whose evaluation was begun and never finished. */
function lacksEvaluation(store: Session['store'], runId: number): boolean {
  const evaluations = store.evaluations.ofRun(runId)
  return evaluations.length > 0 && !evaluations.some(({ status }) => status === 'finished')
}

async function finishRun(session: Session, runId: number, options: Common & { evaluate: boolean; here?: boolean }): Promise<void> {
  const { store } = session
  const job = { signal: session.signal, onEvent: session.onEvent, ...(options.here && { here: true }) }
  if (options.evaluate) await wholeRun(experiments, session, runId, job)
  else if (store.runs.get(runId)!.status !== 'finished') await trainRun(session, runId, job)
  session.signal.throwIfAborted()
  session.progress.close()
  const run = store.runs.get(runId)!
  const metrics = store.evaluations.ofRun(runId).at(-1)?.metrics ?? store.steps.get(runId, run.lastStep ?? 0)?.metrics ?? {}
  printMetrics(`run ${runId}: ${run.name}, ${run.status}`, metrics)
  if (options.json)
    writeJson({
      workspace: store.folder,
      run: { id: runId, name: run.name, method: run.method, seed: run.seed, status: run.status, steps: run.lastStep },
      metrics,
    })
}

interface EvaluateOptions extends Common {
  readonly checkpoint?: number
  readonly split: EvaluationSplit
  readonly model?: string
  readonly preset?: string
  readonly set: readonly string[]
}

function targetOf(runId: number | undefined, { checkpoint, split, model, preset, set }: EvaluateOptions): EvaluationTarget {
  if (runId !== undefined && model === undefined) return { runId, split, ...(checkpoint !== undefined && { checkpointId: checkpoint }) }
  if (runId !== undefined || model === undefined || preset === undefined)
    throw new LabError('evaluate.option', {
      expected: 'the id of a run, or --model with --preset',
      found: runId !== undefined ? 'both' : model === undefined ? 'neither' : '--model alone',
      next: 'Write mrt evaluate RUN, or mrt evaluate --model model:ID --preset NAME.',
    })
  const spec = specFrom(preset)
  for (const text of set) assign(spec, text)
  return { startOf: parseSpec({ ...spec, start: model }), split }
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
      withSession(options, async (session) => {
        const id = await evaluateRun(session, targetOf(runId, options), session)
        session.progress.close()
        const { metrics, config } = session.store.evaluations.get(id)!
        const { window } = config as { readonly window?: number }
        printMetrics(
          `evaluation ${id} of ${runId === undefined ? options.model! : `run ${runId}`}${window === undefined ? '' : `, linearised in a window of ${window} tokens`}`,
          metrics,
        )
        if (options.json) writeJson({ workspace: session.store.folder, evaluation: id, run: runId ?? null, metrics })
      }),
    )
}

export function runsCommand(): Command {
  return experiment('runs', 'list the runs of a workspace').action((options: Common) =>
    withSession(options, async ({ store }) => {
      const runs = store.runs
        .list()
        .map(({ run, latest }) => ({ ...run, latest, evaluation: newestFinished(store.evaluations.ofRun(run.id)) }))
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
          workspace: store.folder,
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
      withSession(options, async ({ store }) => {
        const runIds =
          ids.length > 0
            ? ids.map(wholeNumber(1))
            : store.runs
                .list()
                .map(({ run }) => run.id)
                .filter((id) => store.evaluations.ofRun(id).some(({ status }) => status === 'finished'))
        for (const id of runIds)
          if (!store.evaluations.ofRun(id).some(({ status }) => status === 'finished'))
            throw new LabError('compare.notEvaluated', {
              expected: 'runs that have been evaluated',
              found: `run ${id} without an evaluation`,
              next: `Evaluate it: mrt evaluate ${id}.`,
            })
        if (runIds.length === 0)
          throw new LabError('compare.nothing', {
            expected: 'at least one evaluated run',
            found: 'none',
            next: 'Train some with `mrt quickstart`.',
          })
        const baseline = runIds[0]!
        process.stdout.write(
          `${reportText(reportTable(store, runIds, baseline), store.evaluations.ofRun(baseline).at(-1)!.trainedBudget!)}\n`,
        )
        if (options.json) writeJson({ workspace: store.folder, ...report(store, runIds, baseline) })
      }),
    )
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
