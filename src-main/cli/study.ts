// `mrt study`: grids of runs with one question, worked through one cell after another, and their report.
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { LabError, type LabEvent, type StudyPlan, type StudyStatus } from '../../src-preload/contract.ts'
import { presetOf, STUDY_DEFAULTS, studyPresets } from '../lab/answers/choices.ts'
import { programFolder } from '../lab/process/resources.ts'
import { wholeNumber } from './options.ts'
import { durationText, type ProgressLine } from './progress.ts'
import { DEFAULT_WORKSPACE, withLab } from './session.ts'
import type { Asking } from './session.ts'
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
        await withLab(options, async ({ client }) => list(await client.studies.status({ name: null }), options)).catch(
          (error: { code?: string }) => {
            // What studies there are can be asked without a workspace.
            if (error.code !== 'workspace.missing' && error.code !== 'workspace.notOne') throw error
            list([], options)
          },
        )
      else {
        presetOf(name, options.arms ?? null)
        const told = createTold()
        await withLab({ ...options, create: options.status !== true && options.reportOnly !== true, ...told }, (asking) =>
          work(asking, name, options),
        )
      }
    })
}

function list(known: readonly StudyStatus[], { json }: StudyOptions): void {
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
  for (const study of known) process.stdout.write(`\n${statusText(study)}\n`)
  if (json)
    writeJson({
      presets: Object.entries(studyPresets).map(([name, { title, about, arms }]) => ({
        name,
        title,
        about,
        arms: arms.map(({ key }) => key),
      })),
      studies: known.map(statusJson),
    })
}

const statusJson = ({ id, uid, name, conditions, remainingMs, cells }: StudyStatus) => ({
  id,
  uid,
  name,
  conditions,
  remainingMs,
  cells: cells.map(({ arm, seed, status, run, steps, wallMs }) => ({ arm, seed, status, run, steps, wallMs })),
})

function statusText({ name, steps, problems, learningRate: lr, cells, remainingMs: left }: StudyStatus): string {
  const done = cells.filter(({ status }) => status === 'finished').length
  const arms = [...new Set(cells.map(({ arm }) => arm))]
  return `${name}, ${steps} steps, ${problems} problems, learning rate ${lr}: ${done} of ${cells.length} cells finished${left === null || left === 0 ? '' : `, ${durationText(left)} left`}\n${tableText<string>(
    [
      { title: 'arm', align: 'left', cell: (arm) => cells.find((cell) => cell.arm === arm)!.title },
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
function tellPlan(title: string, { power, because, cells, open, leftMs, assumed }: StudyPlan, progress: ProgressLine): void {
  progress.say(
    `${title}\n${cells} cells one after another, ${cells - open} finished; about ${durationText(leftMs)} to go${assumed ? ' (assumed; measured from the first cell on)' : ''}. Ctrl-C pauses; the same command goes on.`,
  )
  progress.say(
    `Power: ${power.problems} problems in ${power.clusters} clusters, ${power.seeds} seed${power.seeds === 1 ? '' : 's'}: differences in accuracy from ${(power.smallest * 100).toFixed(1)} points on are seen four times out of five (${because}). If seeds did not differ, 3 points would take ${power.neededFor3Points} problems.`,
  )
}

/** How each cell is told, and the progress in it: with its place among the others, and the time that all of them take. */
function createTold() {
  let prefix = ''
  return {
    label: (label: string): string => `${prefix}${label}`,
    onEvent(event: LabEvent, progress: ProgressLine): void {
      if (event.kind !== 'cell') return
      const { state, title, index, count, remainingMs: left, finished, wallMs, error } = event
      prefix = `[${index + 1}/${count}${left === null ? '' : `, ${durationText(left)} in all`}] `
      if (state === 'ends') progress.say(`${prefix}${title}: ${finished ? `finished in ${durationText(wallMs)}` : 'paused'}`)
      if (state === 'fails') progress.say(`! ${title} failed: ${error}; it is tried again when the study goes on`)
    },
  }
}

/** The newest study of that name with these conditions, or, where there is none, the newest of that name. Throws LabError `study.none`. */
async function newestStudy({ client, folder }: Asking, name: string, { steps, problems }: StudyOptions): Promise<number> {
  const known = await client.studies.status({ name })
  const found = known.findLast((study) => study.steps === steps && study.problems === problems) ?? known.at(-1)
  if (found === undefined)
    throw new LabError('study.none', { expected: `a study ${name} in ${folder}`, found: 'none', next: 'Start it without --report-only.' })
  return found.id
}

interface WorkedOn {
  readonly studyId: number
  readonly power: StudyPlan['power'] | null
  readonly complete: boolean
}

/** Works on the study until it is done or told to pause. */
async function goOn({ client, progress }: Asking, name: string, options: StudyOptions, beside: string | null): Promise<WorkedOn> {
  const { steps, seeds, problems, samples, validation, minutes } = options
  const arms = options.arms === undefined ? null : [...options.arms]
  const { studyId, title, plan } = await client.studies.open({
    name,
    arms,
    seeds,
    steps,
    problems,
    samples,
    validation,
    learningRate: options.lr,
    start: options.start ?? null,
    beside,
  })
  tellPlan(title, plan, progress)
  try {
    const untilMs = minutes === undefined ? null : Date.now() + minutes * 60_000
    return { studyId, power: plan.power, complete: await client.studies.work({ studyId, arms, seeds, beside, untilMs }) }
  } finally {
    progress.close()
  }
}

async function work(asking: Asking, name: string, options: StudyOptions): Promise<void> {
  const { client, folder } = asking
  if (options.status) {
    const studies = await client.studies.status({ name })
    process.stdout.write(studies.length === 0 ? `No study ${name} in ${folder}.\n` : `${studies.map(statusText).join('\n\n')}\n`)
    if (options.json) writeJson({ workspace: folder, studies: studies.map(statusJson) })
    return
  }
  const began = Date.now()
  const beside = options.beside === undefined ? null : resolve(options.beside)
  const { studyId, power, complete }: WorkedOn = options.reportOnly
    ? { studyId: await newestStudy(asking, name, options), power: null, complete: false }
    : await goOn(asking, name, options, beside)
  const report = resolve(
    options.report ?? join(programFolder(), 'docs', ...(name === 'headline' ? ['results.md'] : ['studies', `${name}.md`])),
  )
  const record = resolve(options.record ?? join(programFolder(), 'resources', 'study', `${name}.json`))
  const { text, finished } = await client.studies.write({ studyId, beside, report, record })
  const study = (await client.studies.status({ name })).find(({ id }) => id === studyId)!
  if (options.sample !== undefined) await makeSample(asking, study, options.sample)
  process.stdout.write(
    `${text.split('\n\n').slice(3, 5).join('\n\n')}\n\n${complete || finished ? 'Every cell is finished' : 'The study is not finished; the same command goes on with it'}. Report: ${report}. Record: ${record}. Worked for ${durationText(Date.now() - began)}.\n`,
  )
  if (options.json) writeJson({ workspace: folder, complete, power, report, record, study: statusJson(study) })
}

/** Of the first seed that has finished cells, where there is one. */
async function makeSample({ client }: Asking, { cells }: StudyStatus, folder: string | true): Promise<void> {
  const finished = cells.filter(({ sweep, status, run }) => !sweep && status === 'finished' && run !== null)
  if (finished.length === 0) return
  const first = Math.min(...finished.map(({ seed }) => seed))
  await client.workspaces.sample({
    ...SAMPLE,
    folder: resolve(folder === true ? join(programFolder(), 'resources', 'sample') : folder),
    runIds: finished.filter(({ seed, arm }) => seed === first && SAMPLE_ARMS.has(arm)).map(({ run }) => run!),
  })
}
