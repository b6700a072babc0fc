// The page of what can be imported, made from the tables that the readers themselves hold: docs/formats.md and `mrt formats`. What is said of a
// dataset is what its roles are found to be on the example that is shown.

import { recogniseDataset, known } from './datasets/known.ts'
import { isRefused, toDatasetRow } from './datasets/normalise.ts'
import { guessRoles } from './datasets/roles.ts'
import type { Roles } from './datasets/roles.ts'
import type { JsonObject } from './json.ts'
import { curveForms } from './metrics/metricFiles.ts'
import { forms } from './read/forms.ts'
import type { FormatPage } from './rollouts/mapping.ts'
import { sourceReaders } from './rollouts/sources.ts'

const LINES = 3

const cell = (text: string): string => text.replaceAll('|', '\\|')
const code = (text: string): string => `\`${text}\``
const block = (language: string, text: string): string => `\`\`\`${language}\n${text.replace(/\n$/, '')}\n\`\`\``
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n')
const rowsOf = (example: readonly JsonObject[]): string =>
  block(
    'json',
    threeRows(example)
      .map((row) => JSON.stringify(row))
      .join('\n'),
  )

/** An example as three rows: where it has fewer, its first row asked of other numbers (6 times 7 is 42, and so on). */
export function threeRows(example: readonly JsonObject[]): readonly JsonObject[] {
  const asked = (by: number): JsonObject =>
    JSON.parse(
      JSON.stringify(example[0])
        .replaceAll('6 times 7', `6 times ${by}`)
        .replaceAll('6 x 7', `6 x ${by}`)
        .replaceAll('6*7', `6*${by}`)
        .replaceAll('6,7', `6,${by}`)
        .replaceAll('42', String(6 * by)),
    ) as JsonObject
  return [...example, ...Array.from({ length: LINES }, (_, at) => asked(9 + at))].slice(0, LINES)
}

/** `prompt, completion: what follows` as names in code and words. */
function becomes(text: string): string {
  const at = text.indexOf(':')
  const names = (at < 0 ? text : text.slice(0, at))
    .split(',')
    .map((name) => code(name.trim()))
    .join(', ')
  return at < 0 ? names : `${names}; ${text.slice(at + 1).trim()}`
}

function sourceSection(source: string, { title, files, example, fields }: FormatPage): string {
  const rows = [...Object.entries(fields).map(([field, text]) => [code(field), becomes(text)]), ['any other', code('extra')]]
  return [`### ${title}`, `${code(`--as ${source}`)}. Files: ${files}.`, rowsOf(example), table(['field', 'becomes'], rows)].join('\n\n')
}

/** What a column of a dataset is taken for, in the words of the roles. */
function partOf(column: string, roles: Roles): string {
  const leads = (path: string | null | undefined): boolean => path === column || path?.startsWith(`${column}.`) === true
  const answer = { whole: 'answer', hashes: 'answer, after `####`', boxed: 'answer, in its last `\\boxed{}`' }[roles.answerIn]
  const parts = [
    ...(leads(roles.problem) ? [roles.messages === undefined ? 'problem' : 'problem: the last turn of the user'] : []),
    ...(leads(roles.more) ? ['problem, after the other'] : []),
    ...(leads(roles.answer) ? [answer] : []),
    ...(leads(roles.countdown?.numbers) ? ['answer: the numbers'] : []),
    ...(leads(roles.countdown?.target) ? ['answer: the target'] : []),
    ...(leads(roles.id) ? ['id'] : []),
    ...(leads(roles.split) ? ['split'] : []),
    ...(roles.slices.some(leads) ? ['slice'] : []),
    ...([roles.choices ?? []].flat().some(leads) ? ['problem: the choices, lettered'] : []),
  ]
  return parts.join('; ')
}

function datasetSection({ source, title, example }: (typeof known)[number]): string {
  const { roles } = guessRoles(example)
  const first = toDatasetRow(example[0]!, 1, roles)
  const extra = isRefused(first) ? {} : (first.extra ?? {})
  const rows = [...new Set(example.flatMap((row) => Object.keys(row)))].map((column) => [
    code(column),
    [partOf(column, roles), ...(Object.hasOwn(extra, column) ? [code('extra')] : [])].filter((part) => part !== '').join('; ') ||
      'nothing: it is empty',
  ])
  return [
    `### ${title.replace(/^an? /, '').replace(/^./, (letter) => letter.toUpperCase())}`,
    `Told as ${code(recogniseDataset(example).source)}${recogniseDataset(example).source === source ? '' : ` (${source})`}.`,
    rowsOf(example),
    table(['column', 'becomes'], rows),
  ].join('\n\n')
}

/** The whole page as Markdown. */
export function formatsPage(): string {
  return [
    '# What can be imported',
    `This page is made by ${code('mrt formats > docs/formats.md')} from the tables of the readers; a test fails when it is not what they say.`,
    `Every row is imported or kept aside with its line and the reason; every column has a role or is kept in ${code('extra')}. What a file is is found out from its content. ${code('--as')} says it instead, ${code('--map role=column')} names columns, and reaches into values: ${code('--map completion=resps[0][0]')}, ${code('--map completion=output.choices[*].message.content')} (all samples of a row).`,
    '## Forms of files',
    ...forms.map(({ title, endings, says, example }) =>
      [`### ${title}`, `${endings}. ${says}`, ...(example === null ? [] : [block(/^(JSON)/.test(title) ? 'json' : '', example)])].join(
        '\n\n',
      ),
    ),
    '## Rollouts',
    `Fields are named as in the file that ${code('mrt export rollouts')} writes. Rollouts of one prompt and reference answer are samples of one problem; ${code('--identity id')} goes by the ids that rows state.`,
    ...Object.entries(sourceReaders).map(([source, { format }]) => sourceSection(source, format)),
    '## Curves',
    'Where a folder is followed (`mrt follow FOLDER`), what its trainer logs becomes curves of the run beside its rollouts.',
    ...curveForms.map(({ title, files, example, fields }) =>
      [
        `### ${title}`,
        `${files}.`,
        ...(example === null ? [] : [rowsOf(example)]),
        table(
          ['field', 'becomes'],
          Object.entries(fields).map(([field, text]) => [code(field), text]),
        ),
      ].join('\n\n'),
    ),
    '## Problems',
    'Roles are found by the names of columns and by what they hold; the preview shows them, and `--map problem=COLUMN,answer=COLUMN,id=COLUMN,solution=COLUMN,split=COLUMN,slices=A+B` changes them. Files and folders name splits too: `train-00000-of-00002.parquet`, `test/`, `split=val/`.',
    ...known.map(datasetSection),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n')
}
