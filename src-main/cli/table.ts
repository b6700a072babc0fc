// Tables for a terminal: text to the left, numbers to the right, every column as wide as its widest cell.

export interface Column<Row> {
  readonly title: string
  readonly align?: 'left' | 'right'
  readonly cell: (row: Row) => string
}

export function tableText<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = [columns.map((column) => column.title), ...rows.map((row) => columns.map((column) => column.cell(row)))]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => [...line[index]!].length)))
  const lines = cells.map((line) =>
    line
      .map((text, index) => {
        const space = ' '.repeat(widths[index]! - [...text].length)
        return columns[index]!.align === 'left' ? text + space : space + text
      })
      .join('   ')
      .trimEnd(),
  )
  lines.splice(1, 0, widths.map((width) => '─'.repeat(width)).join('───'))
  return lines.join('\n')
}

/** One JSON value as a line of its own, for programs that read along. */
export function writeJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
