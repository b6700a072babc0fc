/**
 * What a person is putting together before it runs, as plain data: one or several methods side by side, the settings they
 * share (only what differs from the base is kept), and the seeds. From it follow the specifications that the lab is given.
 */
import { runSpec, type Json, type PresetDescription, type RunSpec } from '../../src-preload/contract.ts'

export type OptionValue = number | string | boolean

/** One method of the comparison. `options` holds what the person set; the rest are the preset's, then the method's own defaults. */
export interface Arm {
  readonly preset: string | null
  readonly algorithm: string
  readonly name: string
  readonly options: Readonly<Record<string, OptionValue>>
}

export interface Branch {
  readonly checkpointId: number
  readonly runId: number
}

export interface Draft {
  /** The complete specification that everything is told apart from. */
  readonly base: RunSpec
  readonly arms: readonly Arm[]
  /** By dotted path: `budget.thinkingTokens`. */
  readonly values: Readonly<Record<string, Json>>
  readonly seeds: number
  readonly firstSeed: number
  readonly branch: Branch | null
}

export const MOST_SEEDS = 20

export const armOf = ({ id, spec }: PresetDescription): Arm => ({
  preset: id,
  algorithm: spec.algorithm.name,
  name: spec.name,
  options: spec.algorithm.options as Arm['options'],
})

export const draftOfPreset = (preset: PresetDescription): Draft => ({
  base: preset.spec,
  arms: [armOf(preset)],
  values: {},
  seeds: 1,
  firstSeed: preset.spec.seed,
  branch: null,
})

/** A run again, to change before it starts; with a checkpoint, going on from there. */
export const draftOfSpec = (spec: RunSpec, branch: Branch | null = null): Draft => ({
  base: spec,
  arms: [
    { preset: spec.preset ?? null, algorithm: spec.algorithm.name, name: spec.name, options: spec.algorithm.options as Arm['options'] },
  ],
  values: {},
  seeds: 1,
  firstSeed: spec.seed,
  branch,
})

/** Whether something kept from an earlier start is still a draft of this version. */
export function isDraft(value: unknown): value is Draft {
  const { base, arms, values, seeds, firstSeed } = (value ?? {}) as Record<string, unknown>
  return (
    runSpec.safeParse(base).success &&
    Array.isArray(arms) &&
    arms.length > 0 &&
    arms.every((arm) => typeof arm?.algorithm === 'string' && typeof arm?.name === 'string' && typeof arm?.options === 'object') &&
    typeof values === 'object' &&
    values !== null &&
    Number.isInteger(seeds) &&
    Number.isInteger(firstSeed)
  )
}

type Tree = Readonly<Record<string, unknown>>

/** The value at a dotted path; undefined where there is none. */
export const valueAt = (tree: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((at, key) => (at as Tree | undefined)?.[key], tree)

/** A copy with the value at a dotted path replaced. */
export function withValue(tree: Tree, path: string, value: unknown): Tree {
  const [key, ...rest] = path.split('.')
  return { ...tree, [key]: rest.length === 0 ? value : withValue((tree[key] ?? {}) as Tree, rest.join('.'), value) }
}

/** What one arm with one seed is. Values that cannot stand are in it as they are; the check says so. */
export function specOf(draft: Draft, arm: Arm, seed: number): RunSpec {
  const { group: _group, preset: _preset, ...base } = draft.base
  const changed = Object.entries(draft.values).reduce<Tree>((tree, [path, value]) => withValue(tree, path, value), base)
  return {
    ...changed,
    ...(arm.preset !== null && { preset: arm.preset }),
    name: arm.name.trim(),
    algorithm: { name: arm.algorithm, options: { ...arm.options } },
    seed,
  } as RunSpec
}

export const seedsOf = ({ seeds, firstSeed }: Draft): readonly number[] => Array.from({ length: seeds }, (_, i) => firstSeed + i)

/** In the order trained: seed by seed, method by method, so that the methods can be compared as early as possible. */
export const specsOf = (draft: Draft): readonly RunSpec[] =>
  seedsOf(draft).flatMap((seed) => draft.arms.map((arm) => specOf(draft, arm, seed)))

/** What is wrong with a specification, by dotted path; empty when it can stand. */
export function problemsOf(spec: RunSpec): ReadonlyMap<string, string> {
  const checked = runSpec.safeParse(spec)
  return new Map(checked.success ? [] : checked.error.issues.map(({ path, message }) => [path.join('.'), message]))
}
