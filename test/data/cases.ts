// What the cases share: one import of a file or folder, put into the plain form that stands beside it as expected.

import { importFiles } from '../../src-main/data/importFiles.ts'
import type { ImportOptions } from '../../src-main/data/converter.ts'

/** The outcome of an import as JSON: the error's code, or everything that came out, with paths made relative. */
export async function outcome(path: string, options: ImportOptions = {}): Promise<unknown> {
  const job = importFiles([path], options)
  const records: unknown[] = []
  try {
    for await (const batch of job) records.push(...batch.rows)
  } catch (error) {
    if (error instanceof Error && error.name === 'LabError') return { error: (error as unknown as { code: string }).code }
    throw error
  }
  const report = job.report()
  return JSON.parse(
    JSON.stringify({
      kind: report.kind,
      sources: report.files.map((file) => `${file.source} ${file.format}`),
      rows: report.rows,
      imported: report.imported,
      rejected: report.rejected.map(({ line, rows, code, start, end }) => ({ line, rows, code, start, end })),
      notes: [...report.notes, ...report.files.flatMap((file) => file.notes)].map(({ code, count, firstLine }) => ({
        code,
        count,
        firstLine,
      })),
      ...(report.dataset === null ? {} : { grader: report.dataset.grader.grader, roles: Object.values(report.dataset.roles)[0]!.roles }),
      ...(report.files.some((file) => file.about !== null) ? { about: report.files.map((file) => file.about) } : {}),
      records,
    }),
  )
}
