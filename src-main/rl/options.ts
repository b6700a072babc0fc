// Options of an algorithm as a table: default, range, unit and reason are stated once, and the typed values, the form on
// screen, the command line's help and the check of what a person typed all follow from it.
import { CreditError } from './types.ts'

interface OptionText {
  readonly unit: string
  /** One sentence: what it does and why the default is what it is. */
  readonly reason: string
  /** Names the same thing carries in other trainers, accepted in specifications. */
  readonly aliases?: readonly string[]
  /** Other options of the table and the values at which this one acts at all; absent: always. */
  readonly when?: Readonly<Record<string, Condition>>
}

/** One of these values, or a number above this one. */
export type Condition = readonly OptionValue[] | { readonly above: number }

export interface NumberOption extends OptionText {
  readonly kind: 'number'
  readonly default: number
  readonly min: number
  readonly max: number
  readonly integer?: boolean
}

export interface ChoiceOption<Choice extends string = string> extends OptionText {
  readonly kind: 'choice'
  readonly default: Choice
  /** Choice to its meaning. */
  readonly choices: Readonly<Record<Choice, string>>
}

export interface FlagOption extends OptionText {
  readonly kind: 'flag'
  readonly default: boolean
}

export type Option = NumberOption | ChoiceOption | FlagOption
export type OptionTable = Readonly<Record<string, Option>>
export type OptionValue = number | string | boolean

/** The values a table describes: numbers, one of the listed words, or yes and no. */
export type OptionValues<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends { readonly kind: 'number' }
    ? number
    : Table[Name] extends { readonly kind: 'choice'; readonly choices: infer Choices }
      ? keyof Choices & string
      : boolean
}

/**
 * Fills defaults into what was given and checks it against the table. Aliases are accepted and returned under our names.
 * Throws CreditError `rl.option-unknown`, `rl.option-twice` or `rl.option-value`.
 */
export function resolveOptions<Table extends OptionTable>(
  table: Table,
  given: Readonly<Record<string, unknown>> = {},
): OptionValues<Table> {
  const values: Record<string, OptionValue> = Object.fromEntries(Object.entries(table).map(([name, option]) => [name, option.default]))
  const owner = new Map(
    Object.entries(table).flatMap(([name, option]) => [name, ...(option.aliases ?? [])].map((word) => [word, name] as const)),
  )
  const seen = new Map<string, string>()
  for (const [word, value] of Object.entries(given)) {
    if (value === undefined) continue
    const name = owner.get(word)
    if (name === undefined) throw new CreditError('rl.option-unknown', { expected: `one of ${Object.keys(table).join(', ')}`, found: word })
    const earlier = seen.get(name)
    if (earlier !== undefined) throw new CreditError('rl.option-twice', { expected: `${name} once`, found: `${earlier} and ${word}` })
    seen.set(name, word)
    values[name] = checked(name, table[name], value)
  }
  return values as OptionValues<Table>
}

export interface InertOption {
  readonly name: string
  readonly value: OptionValue
  /** What the other option would have to be, in words. */
  readonly needs: string
  /** The other option as it is. */
  readonly found: string
}

/** Options that were set to something else than their default although, with the others as they are, they change nothing. */
export function inertOptions(table: OptionTable, values: Readonly<Record<string, OptionValue>>): InertOption[] {
  return Object.entries(table).flatMap(([name, option]) => {
    if (values[name] === option.default) return []
    const failing = Object.entries(option.when ?? {}).find(([other, condition]) => !holds(condition, values[other]!))
    return failing
      ? [{ name, value: values[name]!, needs: `${failing[0]} ${conditionText(failing[1])}`, found: `${failing[0]} ${values[failing[0]]}` }]
      : []
  })
}

function holds(condition: Condition, value: OptionValue): boolean {
  return 'above' in condition ? Number(value) > condition.above : condition.includes(value)
}

function conditionText(condition: Condition): string {
  return 'above' in condition ? `above ${condition.above}` : condition.join(' or ')
}

/** The range of an option in words, for help texts and messages. */
export function rangeText(option: Option): string {
  switch (option.kind) {
    case 'number':
      return `${option.integer ? 'a whole number' : 'a number'} from ${option.min} to ${option.max}`
    case 'choice':
      return `one of ${Object.keys(option.choices).join(', ')}`
    case 'flag':
      return 'true or false'
  }
}

function checked(name: string, option: Option, value: unknown): OptionValue {
  if (!accepts(option, value))
    throw new CreditError('rl.option-value', {
      expected: `${name} to be ${rangeText(option)}`,
      found: typeof value === 'string' ? `'${value}'` : String(value),
    })
  return (option.kind === 'choice' ? String(value) : value) as OptionValue
}

function accepts(option: Option, value: unknown): boolean {
  switch (option.kind) {
    case 'number':
      return typeof value === 'number' && value >= option.min && value <= option.max && (!option.integer || Number.isInteger(value))
    // A choice may be a word of digits, which a command line or a file gives as a number.
    case 'choice':
      return (typeof value === 'string' || typeof value === 'number') && Object.hasOwn(option.choices, String(value))
    case 'flag':
      return typeof value === 'boolean'
  }
}
