// The commands that take results out: files of a run or an evaluation, a comparison as a page, and one that takes them in again from
// another workspace.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command, Option } from 'commander'
import {
  exportRequest,
  LabError,
  rolloutFormats,
  rolloutShapes,
  type ExportAsked,
  type RolloutFormat,
  type RolloutShape,
} from '../../src-preload/contract.ts'
import { REPORT_PAGE } from '../lab/comparing/reportFile.ts'
import { programFolder } from '../lab/process/resources.ts'
import { wholeNumber } from './options.ts'
import { bytesText } from './progress.ts'
import { DEFAULT_WORKSPACE, withLab } from './session.ts'
import type { Asking } from './session.ts'
import { tableText, writeJson } from './table.ts'

interface Common {
  readonly workspace: string
  readonly out?: string
  readonly json?: boolean
}

interface ExportOptions extends Common {
  readonly what: What
  readonly run?: number
  readonly evaluation?: number
  readonly against?: number
  readonly as: RolloutShape
  readonly format: RolloutFormat
  readonly perStep?: boolean
}

const needed = (option: string, what: string): LabError =>
  new LabError('export.option', { expected: `--${option} for ${what}`, found: 'none', next: 'Name it; `mrt runs` lists the runs.' })
const runOf = ({ run, what }: ExportOptions): number => {
  if (run === undefined) throw needed('run', what)
  return run
}

/** What can be asked for, and the request that the options make. */
const requests = {
  rollouts: (options) => {
    const filter = options.evaluation === undefined ? { runId: runOf(options) } : { evaluationId: options.evaluation }
    return { kind: 'rollouts', filter, as: options.as, format: options.format }
  },
  metrics: (options) => ({ kind: 'metrics', runId: runOf(options) }),
  config: (options) => ({ kind: 'config', runId: runOf(options) }),
  comparator: (options) => {
    if (options.against === undefined) throw needed('against', options.what)
    return { kind: 'comparator', a: runOf(options), b: options.against }
  },
  workspace: () => ({ kind: 'workspace' }),
} as const satisfies { readonly [what: string]: (options: ExportOptions) => ExportAsked }
type What = keyof typeof requests

export function exportCommand(): Command {
  return new Command('export')
    .description('write the rollouts, metrics or settings of a run, the answers of two runs for LLM Comparator, or a copy of the database')
    .addOption(new Option('--what <thing>', 'what to write').choices(Object.keys(requests)).default('rollouts'))
    .option('--run <id>', 'the run', wholeNumber(1))
    .option('--evaluation <id>', 'an evaluation, instead of the training of a run', wholeNumber(1))
    .option('--against <id>', 'the other run of a comparator file', wholeNumber(1))
    .addOption(new Option('--as <shape>', 'whose field names rollouts get').choices(rolloutShapes).default('canonical'))
    .addOption(new Option('--format <format>', 'of the rollouts').choices(rolloutFormats).default('jsonl'))
    .option('--per-step', 'a folder with a file per step, named as that trainer names them')
    .option('--out <file>', 'file (or folder) to write; named after what it holds, in this folder, unless given')
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--json', 'print one JSON object as the last line')
    .action((options: ExportOptions) =>
      withLab(options, (asking) => writeOut(asking, requests[options.what](options), options, options.perStep)),
    )
}

export function handOverCommand(): Command {
  return new Command('hand-over')
    .description(
      'write a run of a model of text for other trainers: a script for TRL, a recipe for verl, and the progress reward in Python',
    )
    .argument('<run>', 'id of the run', wholeNumber(1))
    .requiredOption('--to <folder>', 'a new folder')
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--json', 'print one JSON object as the last line')
    .action((runId: number, options: { to: string; workspace: string; json?: boolean }) =>
      withLab(options, async ({ client }) => {
        const handed = await client.runs.handOver({ runId, folder: resolve(options.to) })
        process.stdout.write(`Run ${runId} with ${handed.problems} problems in ${handed.folder}: ${handed.files.join(', ')}.\n`)
        if (options.json) writeJson(handed)
      }),
    )
}

export function reportCommand(): Command {
  return new Command('report')
    .description('write a comparison of runs as one page that opens anywhere, offline, with live charts')
    .requiredOption('--runs <ids>', 'ids of the runs, e.g. 1,2,3; the first is the baseline unless another is named', (text: string) =>
      text.split(',').map(wholeNumber(1)),
    )
    .option('--baseline <id>', 'the run that the others are compared with, or start', (text: string) =>
      text === 'start' ? text : wholeNumber(1)(text),
    )
    .option('--budget <tokens>', 'thinking budget it opens at (default: the one trained to)', wholeNumber(1))
    .option('--single', 'every run alone, instead of seeds of one configuration together')
    .option('--out <file>', 'file to write; named after the runs, in this folder, unless given')
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--json', 'print one JSON object as the last line')
    .action((options: Common & { runs: number[]; baseline?: number | 'start'; budget?: number; single?: boolean }) =>
      withLab(options, (asking) => {
        buildPage()
        const { runs, baseline, budget, single } = options
        return writeOut(
          asking,
          exportRequest.parse({ kind: 'report', runIds: runs, baseline, budget, groupBy: single ? 'run' : 'group' }),
          options,
        )
      }),
    )
}

export function mergeCommand(): Command {
  return new Command('merge')
    .description('take over the runs of another workspace, with their rollouts, evaluations and checkpoints; it is only read')
    .argument('<other>', 'folder of the other workspace')
    .requiredOption('--into <folder>', 'the workspace that receives them; made when it is not there')
    .option('--run <uid>', 'only this run, by its universal id; may be repeated', (text: string, all: string[]) => [...all, text], [])
    .option('--list', 'only list what it holds')
    .option('--json', 'print one JSON object as the last line')
    .action((other: string, options: { into: string; run: string[]; list?: boolean; json?: boolean }) =>
      withLab({ workspace: options.into, create: true }, async ({ client, folder, progress }) => {
        if (options.list) {
          const found = await client.workspaces.inspect({ folder: other })
          process.stdout.write(
            `${tableText<(typeof found)['runs'][number]>(
              [
                { title: 'uid', align: 'left', cell: (run) => run.uid },
                { title: 'name', align: 'left', cell: (run) => run.name },
                { title: 'seed', cell: (run) => String(run.seed) },
                { title: 'status', align: 'left', cell: (run) => run.status },
                { title: 'steps', cell: (run) => `${run.steps}/${run.plannedSteps}` },
                { title: 'rollouts', cell: (run) => String(run.rollouts) },
                { title: 'here as', cell: (run) => (run.here === null ? '' : `run ${run.here}`) },
              ],
              found.runs,
            )}\n`,
          )
          if (options.json) writeJson(found)
          return
        }
        const merged = await client.workspaces.merge({ folder: resolve(other), uids: options.run.length > 0 ? options.run : null })
        progress.close()
        for (const { id, name, uid } of merged.runs) process.stdout.write(`run ${id}: ${name} (${uid})\n`)
        for (const { id, name } of merged.skipped) process.stdout.write(`run ${id}: ${name} was here already\n`)
        if (merged.missingCheckpoints > 0)
          process.stdout.write(`${merged.missingCheckpoints} checkpoints had lost their files and were left out\n`)
        process.stdout.write(
          `${merged.runs.length} runs, ${merged.added.rollouts} rollouts, ${merged.added.evaluations} evaluations and ${merged.added.checkpoints} checkpoints into ${folder}\n`,
        )
        if (options.json) writeJson({ workspace: folder, ...merged })
      }),
    )
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

async function writeOut(
  { client, folder, progress }: Asking,
  asked: ExportAsked,
  { out = '.', json }: Common,
  perStep = false,
): Promise<void> {
  const path = resolve(out)
  const { file, bytes, rows } = await client.exports.save({ asked, path, inside: perStep ? out === '.' : isFolder(path), perStep })
  progress.close()
  const what = [bytes === null ? 'a file per step' : bytesText(bytes), ...(rows === null ? [] : [`${rows} rows`])]
  process.stdout.write(`${file} (${what.join(', ')})\n`)
  if (json) writeJson({ kind: asked.kind, file, bytes, rows, workspace: folder })
}

/** In a checkout the page of reports may not have been built yet. */
function buildPage(): void {
  const root = programFolder()
  const script = join(root, 'scripts', 'build.mjs')
  if (existsSync(script) && existsSync(join(root, 'src-renderer')))
    spawnSync(process.execPath, [script, 'report'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  else if (!existsSync(join(root, REPORT_PAGE)))
    throw new LabError('report.noPage', {
      expected: `the page of reports at ${REPORT_PAGE}`,
      found: 'none',
      next: 'Install the program again.',
    })
}
