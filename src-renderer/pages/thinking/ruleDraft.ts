/** A segmentation rule as it is typed: every kind keeps its own fields, so that trying another kind loses nothing. */
import type { SegmentRule } from '../../../src-preload/contract.ts'

export type OpenerKind = SegmentRule['opener']['kind']

export interface RuleDraft {
  readonly kind: OpenerKind
  /** One per line. */
  readonly phrases: string
  /** Regular expressions, one per line. */
  readonly patterns: string
  readonly size: number
  readonly window: number
  readonly unit: SegmentRule['unit']
  readonly minGap: number
  readonly maxCuts: number | null
  readonly groupSize: number
}

export const kindTitles: Readonly<Record<OpenerKind, string>> = {
  phrases: 'phrases or patterns',
  windows: 'fixed windows',
  paragraphs: 'every piece',
  topics: 'changes of subject',
}
export const unitTitles: Readonly<Record<SegmentRule['unit'], string>> = { paragraph: 'paragraphs', line: 'lines', word: 'words' }

const lines = (typed: string): string[] =>
  typed
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '')

export const plainDraft: RuleDraft = {
  kind: 'phrases',
  phrases: 'Wait',
  patterns: '',
  size: 16,
  window: 2,
  unit: 'word',
  minGap: 0,
  maxCuts: null,
  groupSize: 1,
}

export function ruleOf({ kind, phrases, patterns, size, window, unit, minGap, maxCuts, groupSize }: RuleDraft): SegmentRule {
  const openers = {
    phrases: { kind: 'phrases', phrases: lines(phrases), patterns: lines(patterns) },
    windows: { kind: 'windows', size },
    paragraphs: { kind: 'paragraphs' },
    topics: { kind: 'topics', window },
  } as const satisfies { readonly [K in OpenerKind]: SegmentRule['opener'] & { readonly kind: K } }
  return { opener: openers[kind], unit, minGap, maxCuts, groupSize }
}

/** The draft of a rule; what the rule says nothing about stays as typed before. */
export function draftOf({ opener, unit, minGap, maxCuts, groupSize }: SegmentRule, before: RuleDraft): RuleDraft {
  return {
    ...before,
    kind: opener.kind,
    unit,
    minGap,
    maxCuts,
    groupSize,
    ...(opener.kind === 'phrases' && { phrases: opener.phrases.join('\n'), patterns: opener.patterns.join('\n') }),
    ...(opener.kind === 'windows' && { size: opener.size }),
    ...(opener.kind === 'topics' && { window: opener.window }),
  }
}

export function isDraft(value: unknown): value is RuleDraft {
  const draft = (value ?? {}) as Record<string, unknown>
  const numbers = ['size', 'window', 'minGap', 'groupSize'].every((key) => typeof draft[key] === 'number')
  return (
    numbers &&
    typeof draft.kind === 'string' &&
    draft.kind in kindTitles &&
    typeof draft.unit === 'string' &&
    draft.unit in unitTitles &&
    typeof draft.phrases === 'string' &&
    typeof draft.patterns === 'string' &&
    (draft.maxCuts === null || typeof draft.maxCuts === 'number')
  )
}
