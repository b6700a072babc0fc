// Tables as CSV, Markdown and LaTeX. One table value, three renderings; a missing value is empty in each.
//
// CSV and spreadsheets: a cell whose text begins with = + - @, a tab or a line end is run as a formula when the file is
// opened in Excel, LibreOffice or Google Sheets. Rollouts are written by a model and may hold anything, so such text gets an
// apostrophe in front (OWASP, "CSV Injection"), which spreadsheets hide and other readers see. Numbers are never changed:
// -0.5 stays -0.5. Ask for `formulas: 'as they are'` where the file is only read by programs.

import type { Json } from '../json.ts'
import { writeAtomically } from './atomicFile.ts'
import type { Written } from './atomicFile.ts'

export type Cell = string | number | boolean | null | undefined

export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  readonly caption?: string
}

export const tableFormats = ['csv', 'markdown', 'latex'] as const
export type TableFormat = (typeof tableFormats)[number]

export interface CsvOptions {
  readonly formulas?: 'guarded' | 'as they are'
}

/** RFC 4180 with CRLF, quotes where needed, formulas guarded. */
export function renderCsv({ columns, rows }: Table, { formulas = 'guarded' }: CsvOptions = {}): string {
  const line = (cells: readonly Cell[]): string => cells.map((cell) => csvCell(cell, formulas === 'guarded')).join(',')
  return [columns, ...rows].map((cells) => `${line(cells)}\r\n`).join('')
}

function csvCell(cell: Cell, guarded: boolean): string {
  if (typeof cell !== 'string') return plainText(cell)
  const text = guarded && /^[=+\-@\t\r\n]/.test(cell) && !/^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Numbers in full, without NaN and infinities; nothing for null. */
function plainText(cell: Exclude<Cell, string>): string {
  if (cell === null || cell === undefined) return ''
  return typeof cell === 'number' && !Number.isFinite(cell) ? '' : String(cell)
}

const textOf = (cell: Cell): string => (typeof cell === 'string' ? cell : plainText(cell))

/** Columns whose every value is a number or missing: they are aligned to the right. */
function isNumeric({ rows }: Table, column: number): boolean {
  return rows.some((row) => typeof row[column] === 'number') && rows.every((row) => typeof row[column] !== 'string' && typeof row[column] !== 'boolean')
}

/** GitHub-flavoured Markdown. Bars are escaped and line ends become <br>. */
export function renderMarkdown(table: Table): string {
  const escape = (cell: Cell): string => textOf(cell).replaceAll('\\', '\\\\').replaceAll('|', '\\|').replaceAll('<', '&lt;').replace(/\r\n|\r|\n/g, '<br>')
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const body = [line(table.columns.map(escape)), line(table.columns.map((_, at) => (isNumeric(table, at) ? '---:' : '---'))), ...table.rows.map((row) => line(table.columns.map((_, at) => escape(row[at]))))]
  return `${body.join('\n')}\n${table.caption === undefined ? '' : `\n${escape(table.caption)}\n`}`
}

const latexSpecials: { readonly [character: string]: string } = {
  '\\': '\\textbackslash{}', '{': '\\{', '}': '\\}', $: '\\$', '&': '\\&', '#': '\\#', '^': '\\textasciicircum{}', _: '\\_', '~': '\\textasciitilde{}', '%': '\\%', '<': '\\textless{}', '>': '\\textgreater{}',
}

/** A `table` with booktabs rules; negative numbers get a true minus. */
export function renderLatex(table: Table): string {
  const escape = (text: string): string => text.replace(/[\\{}$&#^_~%<>]/g, (character) => latexSpecials[character]!).replace(/\r\n|\r|\n/g, ' ')
  const cell = (value: Cell): string => (typeof value === 'number' && value < 0 ? `$${plainText(value)}$` : escape(textOf(value)))
  const line = (cells: readonly string[]): string => `    ${cells.join(' & ')} \\\\`
  return [
    '\\begin{table}',
    '  \\centering',
    ...(table.caption === undefined ? [] : [`  \\caption{${escape(table.caption)}}`]),
    `  \\begin{tabular}{${table.columns.map((_, at) => (isNumeric(table, at) ? 'r' : 'l')).join('')}}`,
    '    \\toprule',
    line(table.columns.map(escape)),
    '    \\midrule',
    ...table.rows.map((row) => line(table.columns.map((_, at) => cell(row[at])))),
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n')
}

const renderers: { readonly [Format in TableFormat]: (table: Table) => string } = { csv: renderCsv, markdown: renderMarkdown, latex: renderLatex }

/** Writes a table. Throws LabError export.failed. */
export async function writeTable(path: string, table: Table, format: TableFormat): Promise<Written> {
  return writeAtomically(path, (sink) => sink.write(renderers[format](table)))
}

/** A table from records: columns in order of first appearance; lists and objects as JSON text. */
export function tableOf(records: readonly { readonly [column: string]: Json | undefined }[], caption?: string): Table {
  const columns = [...new Set(records.flatMap((record) => Object.keys(record)))]
  const cell = (value: Json | undefined): Cell => (typeof value === 'object' && value !== null ? JSON.stringify(value) : value)
  return { columns, rows: records.map((record) => columns.map((column) => cell(record[column]))), ...(caption === undefined ? {} : { caption }) }
}
