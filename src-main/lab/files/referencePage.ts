// The reference, made from the tables and schemas that the program itself reads: docs/reference.md and `mrt reference`. A default, a range or
// a meaning is written once, where it is checked.

import { specFields } from '../../../src-preload/contract.ts'
import { describeAlgorithms } from '../training/describe.ts'
import { metricDescriptions, terms } from '../process/glossary.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const code = (text: string): string => (text === '' ? '' : `\`${text}\``)
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n')
const range = (min: number | null, max: number | null): string =>
  min === null && max === null ? '' : `${min ?? ''} to ${max ?? ''}`.trim()

/** The whole page as Markdown. */
export function referencePage(): string {
  const algorithms = describeAlgorithms().map(({ name, title, rule, source, options }) =>
    [
      `### ${title} (\`${name}\`)`,
      rule,
      `Source: ${source}.`,
      options.length === 0
        ? 'No options.'
        : table(
            ['option', 'default', 'range or choices', 'meaning'],
            options.map((option) => [
              code(option.name),
              code(JSON.stringify(option.default)),
              Object.keys(option.choices).length > 0 ? Object.keys(option.choices).map(code).join(', ') : range(option.min, option.max),
              option.reason,
            ]),
          ),
    ].join('\n\n'),
  )
  return `${[
    '# Reference',
    'Made by `npm run mrt -- reference` from the schemas and tables of the program; a test compares. What a run is made of is set with\n`--set path=value`, in a `.json` file for `--preset`, or on the page *New run*.',
    '## Settings of a run',
    table(
      ['setting', 'default', 'range or choices', 'meaning'],
      specFields.map(({ path, default: given, choices, min, max, about }) => [
        code(path),
        code(JSON.stringify(given)),
        choices.length > 0 ? choices.map((choice) => code(JSON.stringify(choice))).join(', ') : range(min, max),
        about,
      ]),
    ),
    '## Algorithms',
    ...algorithms,
    '## Metrics',
    table(
      ['metric', 'unit', 'better', 'meaning'],
      metricDescriptions.map(({ name, title, unit, better, meaning }) => [code(name), unit, better ?? '', `${title}. ${meaning}`]),
    ),
    '## Words',
    table(
      ['symbol', 'word', 'meaning'],
      terms.map(({ symbol, term, meaning }) => [code(symbol), term, meaning]),
    ),
  ].join('\n\n')}\n`
}
