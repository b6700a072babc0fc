// The commands that bring data in and grade it.
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { LabError } from '../../src-preload/contract.ts'
import { formatsPage } from '../lab/files/formats.ts'
import { graderKinds } from '../lab/answers/choices.ts'
import { createGrader, GraderError, gradeLines } from '../lab/files/grading.ts'
import { importedText } from './models.ts'
import { bytesText } from './progress.ts'
import { DEFAULT_WORKSPACE, withLab } from './session.ts'
import type { Asking } from './session.ts'
import { tableText, writeJson } from './table.ts'

const REJECTED_SHOWN = 10

export function dataCommands(): Command[] {
  return [importCommand(), formatsCommand(), gradeCommand()]
}

interface ImportCommandOptions {
  readonly as?: string
  readonly map?: string
  readonly name?: string
  readonly grader?: string
  readonly keepDuplicates?: boolean
  readonly identity?: string
  readonly table?: string
  readonly allowEmpty?: boolean
  readonly workspace: string
  readonly json?: boolean
}

function importCommand(): Command {
  return new Command('import')
    .description(
      'bring datasets, rollouts of other trainers or a model into a workspace: JSONL, JSON, CSV, TSV, Parquet, Arrow, Feather, SQLite, each also in a zip or tar (SQLite not) or packed by gzip or zstd; logs of evaluations; model folders',
    )
    .argument('<files...>', 'files or folders')
    .option('--as <kind>', 'dataset, rollouts, model, or the name of a rollout source; guessed from the rows unless given')
    .option(
      '--map <roles>',
      'roles to columns, e.g. problem=question,answer=final_answer; reaches into values: completion=resps[0][0], completion=output.choices[*].message.content',
    )
    .option('--name <text>', 'what the dataset, the run or the model is called')
    .option(
      '--grader <kind>',
      `how answers are compared (${Object.keys(graderKinds).join(', ')}); guessed for datasets unless given; grades rollouts that carry no verdict`,
    )
    .option('--keep-duplicates', 'keep problems that repeat an earlier one')
    .option(
      '--identity <by>',
      'what makes rollouts samples of one problem: prompt (the same prompt and answer) or id (the id that rows state)',
      'prompt',
    )
    .option('--table <name>', 'the table of a SQLite database; needed where it has several')
    .option('--allow-empty', 'accept files of which no row can be imported')
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--json', 'print one JSON object as the last line')
    .action((files: string[], options: ImportCommandOptions) =>
      withLab({ ...options, create: true }, async (asking) => {
        const { imports } = asking.client
        const asModel =
          options.as === 'model' || (options.as === undefined && files.length === 1 && (await imports.isModel({ path: files[0]! })))
        await (asModel ? bringModel(files, options, asking) : bringRows(files, options, asking))
      }),
    )
}

async function bringModel(files: readonly string[], options: ImportCommandOptions, { client, folder }: Asking): Promise<void> {
  if (files.length !== 1)
    throw new LabError('import.oneModel', {
      expected: 'one model at a time',
      found: `${files.length} paths`,
      next: 'Import one folder, then the next.',
    })
  const model = await client.models.import({ path: files[0]!, name: options.name ?? null, base: null })
  process.stdout.write(importedText(model))
  const { id, name, family, parameterCount, sha256 } = model
  if (options.json)
    writeJson({
      kind: 'model',
      rows: 1,
      imported: 1,
      rejected: [],
      roles: null,
      grader: null,
      workspace: folder,
      modelId: id,
      name,
      family,
      parameterCount,
      sha256,
    })
}

async function bringRows(files: readonly string[], options: ImportCommandOptions, { client, folder, progress }: Asking): Promise<void> {
  const { report, rejectedFile, datasetId, runId } = await client.imports.bring({
    paths: [...files],
    as: options.as ?? null,
    map: rolesOf(options.map) ?? {},
    identity: identityOf(options.identity),
    table: options.table ?? null,
    name: options.name ?? null,
    grader: options.grader ?? null,
    keepDuplicates: options.keepDuplicates ?? false,
    allowEmpty: options.allowEmpty ?? false,
  })
  progress.close()
  const into = runId !== null ? `run ${runId}` : datasetId !== null ? `dataset ${datasetId}` : 'nothing'
  process.stdout.write(
    `${report.imported} of ${report.rows} rows imported as ${report.kind} into ${into}, ${report.rejectedRows} rejected.\n`,
  )
  process.stdout.write(
    `${tableText<(typeof report.files)[number]>(
      [
        { title: 'file', align: 'left', cell: (file) => file.path },
        { title: 'format', align: 'left', cell: (file) => `${file.format}${file.compression === 'none' ? '' : ` (${file.compression})`}` },
        { title: 'source', align: 'left', cell: (file) => file.source ?? '' },
        { title: 'size', cell: (file) => bytesText(file.bytes) },
        { title: 'rows', cell: (file) => String(file.rows) },
        { title: 'imported', cell: (file) => String(file.imported) },
        { title: 'rejected', cell: (file) => String(file.rejected) },
      ],
      report.files,
    )}\n`,
  )
  for (const { file, line, reason } of report.rejected.slice(0, REJECTED_SHOWN)) process.stdout.write(`${file}:${line}: ${reason}\n`)
  if (report.rejectedRows > REJECTED_SHOWN) process.stdout.write(`... and ${report.rejectedRows - REJECTED_SHOWN} more\n`)
  if (report.rejectedRows > 0) process.stdout.write(`They are kept with their text in ${rejectedFile}\n`)
  const notes = [
    ...report.files.flatMap((file) => file.notes.map(({ code, message }) => ({ code, message, file: file.path }))),
    ...report.notes.map(({ code, message }) => ({ code, message, file: null })),
  ]
  for (const { file, message } of notes) process.stdout.write(`note: ${file === null ? '' : `${file}: `}${message}\n`)
  if (report.identity !== null) for (const example of report.identity.examples) process.stdout.write(`note: ${example}\n`)
  if (!options.json) return
  const [first] = report.roles
  writeJson({
    kind: report.kind,
    rows: report.rows,
    imported: report.imported,
    rejected: report.rejected.map(({ file, line, reason, code }) => ({ line, reason, code, file })),
    rejectedRows: report.rejectedRows,
    roles: first?.roles ?? null,
    grader: options.grader ?? report.grader?.grader ?? null,
    why: { roles: first?.why ?? null, grader: report.grader?.why ?? null },
    rolesByFile: report.roles.length > 1 ? Object.fromEntries(report.roles.map(({ file, roles }) => [file, roles])) : undefined,
    notes,
    identity: report.identity,
    records: report.records,
    workspace: folder,
    datasetId,
    runId,
  })
}

export function identityOf(text: string | undefined): 'prompt' | 'id' {
  if (text === 'prompt' || text === 'id' || text === undefined) return text ?? 'prompt'
  throw new LabError('import.badIdentity', { expected: 'prompt or id', found: text, next: 'Write --identity prompt or --identity id.' })
}

export function rolesOf(text: string | undefined): Record<string, string> | undefined {
  if (text === undefined) return undefined
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const [, role, column] = /^\s*([^=]+?)\s*=\s*(.+?)\s*$/.exec(pair) ?? []
      if (role === undefined)
        throw new LabError('import.map', {
          expected: 'role=column pairs',
          found: pair,
          next: 'Write for example --map problem=question,answer=final_answer.',
        })
      return [role, column!]
    }),
  )
}

function formatsCommand(): Command {
  return new Command('formats')
    .description('what can be imported: each format with an example and what becomes of each field, as Markdown')
    .action(() => void process.stdout.write(formatsPage()))
}

function gradeCommand(): Command {
  return new Command('grade')
    .description('grade answers: reads {"gold", "answer"} as JSON lines on stdin, writes {"correct", "extracted"} lines in order')
    .option('--grader <kind>', `how answers are compared (${Object.keys(graderKinds).join(', ')})`, 'math')
    .option('--json', 'write JSON lines (always so; accepted for symmetry)')
    .action(async (options: { grader: string }) => {
      const grader = openGrader(options.grader)
      try {
        for await (const line of gradeLines(createInterface({ input: process.stdin, crlfDelay: Infinity }), grader))
          if (!process.stdout.write(`${line}\n`)) await new Promise((drained) => process.stdout.once('drain', drained))
      } finally {
        await grader.close()
      }
    })
}

function openGrader(kind: string) {
  try {
    return createGrader(kind)
  } catch (error) {
    if (!(error instanceof GraderError)) throw error
    throw new LabError(error.code, { expected: error.expected, found: error.found, next: 'Choose one of these.' })
  }
}
