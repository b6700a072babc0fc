// `mrt study`: grids of runs with one question, worked through one cell after another, and their report.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { LabError } from '../../src-preload/contract.ts'
import { environment } from '../lab/process/environment.ts'
import { makeSample } from '../lab/files/makeSample.ts'
import { programFolder } from '../lab/process/resources.ts'
import { planOf } from '../lab/study/plan.ts'
import { spreadsText } from '../lab/study/power.ts'
import type { PowerEstimate } from '../lab/study/power.ts'
import { studyPresets } from '../lab/study/presets.ts'
import { expectSameStudy, joinRecords, readRecord } from '../lab/study/beside.ts'
import { recordText } from '../lab/study/record.ts'
import type { StudyRecord } from '../lab/study/record.ts'
import { recordOf } from '../lab/study/recording.ts'
import { renderReport } from '../lab/study/report.ts'
import { cellsAsked, conditionsOf, isSweep, openStudy, presetOf, remainingMs, STUDY_DEFAULTS, titleOf } from '../lab/study/grid.ts'
import { runStudy } from '../lab/study/run.ts'
import type { Study } from '../lab/study/grid.ts'
import { wholeNumber } from './options.ts'
import { durationText } from './progress.ts'
import { DEFAULT_WORKSPACE, withSession } from './session.ts'
import type { Session } from './session.ts'
import { tableText, writeJson } from './table.ts'

/** What the sample is made of: enough to compare, small enough to ship. */
const SAMPLE_ARMS = new Set(['outcome', 'length-0.5', 'mrt-exact'])
const SAMPLE = { everySteps: 10, groups: 6, evaluationProblems: 30 } as const

interface StudyOptions {
  readonly workspace: string
  readonly steps: number
  readonly seeds: number
  readonly problems: number
  readonly samples: number
  readonly validation: number
  readonly arms?: readonly string[]
  readonly lr: 'sweep' | 'fixed' | number
  readonly start?: string
  readonly beside?: string
  readonly minutes?: number
  readonly threads?: number
  readonly status?: boolean
  readonly reportOnly?: boolean
  readonly report?: string
  readonly record?: string
  readonly sample?: string | true
  readonly json?: boolean
}

function learningRate(text: string): StudyOptions['lr'] {
  if (text === 'sweep' || text === 'fixed') return text
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('expected sweep, fixed, or a learning rate.')
  return value
}

export function studyCommand(): Command {
  return new Command('study')
    .description(
      'run a grid of arms and seeds as one study, one cell after another, and write its report; the same command goes on with it after Ctrl-C or a crash',
    )
    .argument('<name>', `${Object.keys(studyPresets).join(', ')}; or \`list\` for what they ask and which are in the workspace`)
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--arms <keys>', 'only these arms, separated by commas (default: all)', (text: string) =>
      text.split(',').map((key) => key.trim()),
    )
    .option('--seeds <n>', 'runs of each arm', wholeNumber(1), STUDY_DEFAULTS.seeds)
    .option('--steps <n>', 'training steps of each run', wholeNumber(1), STUDY_DEFAULTS.steps)
    .option('--problems <n>', 'problems of each evaluation on a held-out set', wholeNumber(8), STUDY_DEFAULTS.problems)
    .option('--samples <n>', 'rollouts of each of them', wholeNumber(2), STUDY_DEFAULTS.samples)
    .option(
      '--validation <n>',
      'validation problems on which learning rates are chosen and levelling off is seen',
      wholeNumber(4),
      STUDY_DEFAULTS.validation,
    )
    .option(
      '--lr <rate>',
      "sweep: the best of the same few for each arm; fixed: each arm's own; or one number for all",
      learningRate,
      STUDY_DEFAULTS.learningRate,
    )
    .option('--start <weights>', 'what every run starts from (default: starter)')
    .option(
      '--beside <record>',
      'a record of this study made elsewhere or earlier: what it holds is not worked on again, and the report and the record are of both',
    )
    .option('--minutes <n>', 'pause after so many minutes, between two steps', wholeNumber(1))
    .option('--threads <n>', 'threads of a running graph (default: all cores)', wholeNumber(1))
    .option('--status', 'say how far the study is and do nothing')
    .option('--report-only', 'write the report of what is finished and train nothing; works while the study goes on elsewhere')
    .option('--report <file>', 'where the report goes (headline: docs/results.md, others: docs/studies/<name>.md)')
    .option('--record <file>', 'where the record that the report is made of goes (default: resources/study/<name>.json)')
    .option(
      '--sample [folder]',
      'also make the sample workspace that ships with the program out of the first seed (default: resources/sample)',
    )
    .option('--json', 'print one JSON object as the last line')
    .action(async (name: string, options: StudyOptions) => {
      if (name === 'list')
        await withSession(options, async (session) => list(session, options)).catch((error: { code?: string }) => {
          // What studies there are can be asked without a workspace.
          if (error.code !== 'workspace.missing' && error.code !== 'workspace.notOne') throw error
          list(null, options)
        })
      else {
        presetOf(name, options.arms ?? null)
        await withSession({ ...options, create: options.status !== true && options.reportOnly !== true }, (session) =>
          work(session, name, options),
        )
      }
    })
}

function list(session: Session | null, { json }: StudyOptions): void {
  const known = session?.store.studies.list() ?? []
  process.stdout.write(
    `${tableText<string>(
      [
        { title: 'study', align: 'left', cell: (name) => name },
        { title: 'arms', cell: (name) => String(studyPresets[name]!.arms.length) },
        { title: 'question', align: 'left', cell: (name) => studyPresets[name]!.about },
      ],
      Object.keys(studyPresets),
    )}\n`,
  )
  for (const study of known) process.stdout.write(`\n${statusText(session!, study)}\n`)
  if (json)
    writeJson({
      presets: Object.entries(studyPresets).map(([name, { title, about, arms }]) => ({
        name,
        title,
        about,
        arms: arms.map(({ key }) => key),
      })),
      studies: known.map((study) => statusOf(session!, study)),
    })
}

function statusOf({ store }: Session, study: Study) {
  const cells = store.studies.cells(study.id)
  return {
    id: study.id,
    uid: study.uid,
    name: study.name,
    conditions: study.conditions,
    remainingMs: remainingMs(cells),
    cells: cells.map(({ arm, seed, status, runId, wallMs }) => ({
      arm,
      seed,
      status,
      run: runId,
      steps: runId === null ? 0 : (store.runs.get(runId)?.lastStep ?? 0),
      wallMs,
    })),
  }
}

function statusText(session: Session, study: Study): string {
  const { cells } = statusOf(session, study)
  const { steps, problems, learningRate: lr } = conditionsOf(study)
  const done = cells.filter(({ status }) => status === 'finished').length
  const arms = [...new Set(cells.map(({ arm }) => arm))]
  const left = remainingMs(session.store.studies.cells(study.id))
  return `${study.name}, ${steps} steps, ${problems} problems, learning rate ${lr}: ${done} of ${cells.length} cells finished${left === null || left === 0 ? '' : `, ${durationText(left)} left`}\n${tableText<string>(
    [
      { title: 'arm', align: 'left', cell: (arm) => titleOf(presetOf(study.name), { arm }) },
      {
        title: 'seeds',
        align: 'left',
        cell: (arm) =>
          cells
            .filter((cell) => cell.arm === arm)
            .map(({ seed, status, steps: at }) => `${seed} ${status === 'running' ? `at step ${at}` : status}`)
            .join(', '),
      },
    ],
    arms,
  )}`
}

/** What is known before the start: what the grid can see, and how long it takes. */
function tellPlan({ progress, ...context }: Session, study: Study, { arms, seeds }: StudyOptions, beside?: StudyRecord): PowerEstimate {
  const asked = cellsAsked(context.store.studies.cells(study.id), { arms: arms ?? null, seeds })
  const { power, spreads, spreadsFrom, cells, open, leftMs, assumed } = planOf(context, study, asked, beside)
  progress.say(
    `${study.title}\n${cells} cells one after another, ${cells - open} finished; about ${durationText(leftMs)} to go${assumed ? ' (assumed; measured from the first cell on)' : ''}. Ctrl-C pauses; the same command goes on.`,
  )
  progress.say(
    `Power: ${power.problems} problems in ${power.clusters} clusters, ${power.seeds} seed${power.seeds === 1 ? '' : 's'}: differences in accuracy from ${(power.smallest * 100).toFixed(1)} points on are seen four times out of five (${spreadsText(spreads, spreadsFrom)}). If seeds did not differ, 3 points would take ${power.neededFor3Points} problems.`,
  )
  return power
}

/** The newest study of that name with these conditions, or, where there is none, the newest of that name. Throws LabError `study.none`. */
function newestStudy({ store }: Session, name: string, { steps, problems }: StudyOptions): Study {
  const known = store.studies.list().filter((study) => study.name === name)
  const found = known.findLast((study) => conditionsOf(study).steps === steps && conditionsOf(study).problems === problems) ?? known.at(-1)
  if (found === undefined)
    throw new LabError('study.none', {
      expected: `a study ${name} in ${store.folder}`,
      found: 'none',
      next: 'Start it without --report-only.',
    })
  return found
}

/** Works on the study until it is done or told to pause. */
async function goOn(
  session: Session,
  name: string,
  options: StudyOptions,
  beside: StudyRecord | undefined,
): Promise<{ readonly study: Study; readonly power: PowerEstimate; readonly complete: boolean }> {
  const { progress } = session
  const made = environment(session.engine)
  const study = openStudy(
    session,
    name,
    {
      steps: options.steps,
      seeds: options.seeds,
      problems: options.problems,
      samples: options.samples,
      validation: options.validation,
      learningRate: options.lr,
      arms: options.arms ?? null,
      ...(options.start !== undefined && { changes: { start: options.start } }),
    },
    made,
  )
  if (beside !== undefined) expectSameStudy(beside, { study: name, conditions: conditionsOf(study) })
  const power = tellPlan(session, study, options, beside)
  const until = options.minutes === undefined ? Infinity : Date.now() + options.minutes * 60_000
  let prefix = ''
  try {
    const complete = await runStudy(session, study, {
      signal: session.signal,
      environment: made,
      only: { arms: options.arms ?? null, seeds: options.seeds },
      beside,
      control: () => (Date.now() > until ? 'pause' : 'go'),
      onEvent: (event) =>
        session.onEvent(
          event.kind === 'progress' ? { ...event, report: { ...event.report, label: `${prefix}${event.report.label}` } } : event,
        ),
      onCell(state, { title, index, count, remainingMs: left, cell }) {
        prefix = `[${index + 1}/${count}${left === null ? '' : `, ${durationText(left)} in all`}] `
        if (state === 'ends')
          progress.say(`${prefix}${title}: ${cell.status === 'finished' ? `finished in ${durationText(cell.wallMs)}` : 'paused'}`)
        if (state === 'fails')
          progress.say(`! ${title} failed: ${(cell.notes as { error?: string }).error ?? ''}; it is tried again when the study goes on`)
      },
    })
    return { study, power, complete }
  } finally {
    progress.close()
  }
}

async function work(session: Session, name: string, options: StudyOptions): Promise<void> {
  const { store } = session
  if (options.status) {
    const studies = store.studies.list().filter((study) => study.name === name)
    process.stdout.write(
      studies.length === 0
        ? `No study ${name} in ${store.folder}.\n`
        : `${studies.map((study) => statusText(session, study)).join('\n\n')}\n`,
    )
    if (options.json) writeJson({ workspace: store.folder, studies: studies.map((study) => statusOf(session, study)) })
    return
  }
  const began = Date.now()
  const beside = options.beside === undefined ? undefined : readRecord(resolve(options.beside))
  const { study, power, complete } = options.reportOnly
    ? { study: newestStudy(session, name, options), power: null, complete: false }
    : await goOn(session, name, options, beside)
  const own = recordOf(session, study, beside)
  const record = beside === undefined ? own : joinRecords(own, beside)
  const text = renderReport(record)
  const reportFile = resolve(
    options.report ?? join(programFolder(), 'docs', ...(name === 'headline' ? ['results.md'] : ['studies', `${name}.md`])),
  )
  const recordFile = resolve(options.record ?? join(programFolder(), 'resources', 'study', `${name}.json`))
  for (const [file, content] of [
    [reportFile, text],
    [recordFile, recordText(record)],
  ] as const) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  }
  const cells = store.studies.cells(study.id).filter((cell) => !isSweep(cell) && cell.status === 'finished' && cell.runId !== null)
  if (options.sample !== undefined && cells.length > 0) {
    const seed = Math.min(...cells.map((cell) => cell.seed))
    await makeSample(store, resolve(options.sample === true ? join(programFolder(), 'resources', 'sample') : options.sample), {
      ...SAMPLE,
      runIds: cells.filter((cell) => cell.seed === seed && SAMPLE_ARMS.has(cell.arm)).map(({ runId }) => runId!),
    })
  }
  process.stdout.write(
    `${text.split('\n\n').slice(3, 5).join('\n\n')}\n\n${complete || record.cells.every(({ status }) => status === 'finished') ? 'Every cell is finished' : 'The study is not finished; the same command goes on with it'}. Report: ${reportFile}. Record: ${recordFile}. Worked for ${durationText(Date.now() - began)}.\n`,
  )
  if (options.json)
    writeJson({ workspace: store.folder, complete, power, report: reportFile, record: recordFile, study: statusOf(session, study) })
}
