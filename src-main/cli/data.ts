// The commands that bring data in and grade it.
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { LabError } from '../../src-preload/contract.ts'
import { createGrader, GraderError, graderKinds, gradeLines } from '../lab/grading.ts'
import { importInto } from '../lab/importInto.ts'
import { writeJson } from './experiments.ts'
import { bytesText } from './progress.ts'
import { DEFAULT_WORKSPACE, withSession } from './session.ts'
import { tableText } from './table.ts'

const REJECTED_SHOWN = 10

export function dataCommands(): Command[] {
  return [importCommand(), gradeCommand()]
}

function importCommand(): Command {
  return new Command('import').description('bring datasets or rollouts of other trainers into a workspace: JSONL, JSON, CSV, TSV, Parquet, each also gzip')
    .argument('<files...>', 'files or folders')
    .option('--as <kind>', 'dataset, rollouts, or the name of a rollout source; guessed from the rows unless given')
    .option('--map <roles>', 'roles to columns, e.g. problem=question,answer=final_answer')
    .option('--name <text>', 'what the dataset or the run is called')
    .option('--keep-duplicates', 'keep problems that repeat an earlier one')
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--json', 'print one JSON object as the last line')
    .action((files: string[], options: { as?: string; map?: string; name?: string; keepDuplicates?: boolean; workspace: string; json?: boolean }) => withSession({ ...options, create: true }, async ({ store, progress, signal, now }) => {
      const began = now()
      const { report, datasetId, runId } = await importInto(store, files, {
        as: options.as, map: rolesOf(options.map), name: options.name, keepDuplicates: options.keepDuplicates, signal,
        onProgress: ({ file, bytesRead, bytesTotal, rows }) => progress.show({
          job: 'import', label: `importing ${file}`, done: Math.round(bytesRead / 1e6), total: Math.max(1, Math.round(bytesTotal / 1e6)), unit: `MB, ${rows} rows`,
          etaMs: bytesRead > 0 ? ((now() - began) * (bytesTotal - bytesRead)) / bytesRead : null, tokensPerSecond: null, memoryBytes: process.memoryUsage.rss(), atMs: now(),
        }),
      }, now)
      progress.close()
      const into = runId !== null ? `run ${runId}` : datasetId !== null ? `dataset ${datasetId}` : 'nothing'
      process.stdout.write(`${report.imported} of ${report.rows} rows imported as ${report.kind} into ${into}, ${report.rejectedRows} rejected.\n`)
      process.stdout.write(`${tableText<(typeof report.files)[number]>([
        { title: 'file', align: 'left', cell: (file) => file.path },
        { title: 'format', align: 'left', cell: (file) => `${file.format}${file.compression === 'none' ? '' : ` (${file.compression})`}` },
        { title: 'source', align: 'left', cell: (file) => file.source ?? '' },
        { title: 'size', cell: (file) => bytesText(file.bytes) },
        { title: 'rows', cell: (file) => String(file.rows) },
        { title: 'imported', cell: (file) => String(file.imported) },
        { title: 'rejected', cell: (file) => String(file.rejected) },
      ], report.files)}\n`)
      for (const { file, line, reason } of report.rejected.slice(0, REJECTED_SHOWN)) process.stdout.write(`${file}:${line}: ${reason}\n`)
      if (report.rejectedRows > REJECTED_SHOWN) process.stdout.write(`... and ${report.rejectedRows - REJECTED_SHOWN} more\n`)
      if (options.json) writeJson({
        kind: report.kind, rows: report.rows, imported: report.imported, rejected: report.rejected.map(({ file, line, reason, code }) => ({ line, reason, code, file })),
        roles: report.dataset?.roles ?? null, grader: report.dataset?.grader ?? null, workspace: store.folder, datasetId, runId,
      })
    }))
}

function rolesOf(text: string | undefined): Record<string, string> | undefined {
  if (text === undefined) return undefined
  return Object.fromEntries(text.split(',').map((pair) => {
    const [, role, column] = /^\s*([^=]+?)\s*=\s*(.+?)\s*$/.exec(pair) ?? []
    if (role === undefined) throw new LabError('import.map', { expected: 'role=column pairs', found: pair, next: 'Write for example --map problem=question,answer=final_answer.' })
    return [role, column!]
  }))
}

function gradeCommand(): Command {
  return new Command('grade').description('grade answers: reads {"gold", "answer"} as JSON lines on stdin, writes {"correct", "extracted"} lines in order')
    .option('--grader <kind>', `how answers are compared (${Object.keys(graderKinds).join(', ')})`, 'math')
    .option('--json', 'write JSON lines (always so; accepted for symmetry)')
    .action(async (options: { grader: string }) => {
      const grader = openGrader(options.grader)
      try {
        for await (const line of gradeLines(createInterface({ input: process.stdin, crlfDelay: Infinity }), grader)) if (!process.stdout.write(`${line}\n`)) await new Promise((drained) => process.stdout.once('drain', drained))
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
