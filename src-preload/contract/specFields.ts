// The fields of a run's specification as a list, for forms and help texts: read off the schema that checks them, so that a default,
// a range or a reason is said once. The task and the algorithm are not among them: their options belong to tables of their own.

import { z } from 'zod'
import type { SpecField } from './runs.ts'
import { runSpec } from './runSpec.ts'
import type { Json } from './values.ts'

/** The parts of a JSON schema that are read here. */
interface Node {
  readonly type?: string
  readonly default?: Json
  readonly description?: string
  readonly properties?: Readonly<Record<string, Node>>
  readonly anyOf?: readonly Node[]
  readonly enum?: readonly Json[]
  readonly const?: Json
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
}

const choicesOf = (node: Node): readonly Json[] =>
  node.enum ??
  (node.const === undefined ? (node.anyOf ?? []).flatMap((each) => (each.const === undefined ? [] : [each.const])) : [node.const])

function fieldOf(path: string, node: Node): SpecField {
  const choices = choicesOf(node)
  const number = node.type === 'number' || node.type === 'integer'
  const integer = node.type === 'integer'
  const above = node.exclusiveMinimum
  return {
    path,
    kind: choices.length > 0 ? 'choice' : number ? 'number' : node.type === 'array' ? 'list' : 'text',
    default: node.default ?? null,
    choices: [...choices],
    min: node.minimum ?? (integer && above !== undefined ? above + 1 : (above ?? null)),
    max: node.maximum === undefined || node.maximum === Number.MAX_SAFE_INTEGER ? null : node.maximum,
    integer,
    about: node.description ?? '',
  } as SpecField
}

const leaves = (node: Node, path: string): SpecField[] =>
  node.properties === undefined
    ? [fieldOf(path, node)]
    : Object.entries(node.properties).flatMap(([key, child]) => leaves(child, path === '' ? key : `${path}.${key}`))

/** In the order of the schema; `path` is dotted. */
export const specFields: readonly SpecField[] = leaves(z.toJSONSchema(runSpec, { io: 'input' }) as Node, '').filter(
  ({ path }) => !path.startsWith('algorithm.') && !path.startsWith('task.'),
)
