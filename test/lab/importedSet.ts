// Sets of problems as an import leaves them in a workspace, made without a file.
import type { Store } from '../../src-main/store/openStore.ts'

export interface ImportedSet {
  readonly datasetId: number
  readonly problemIds: readonly number[]
}

interface ImportedProblem {
  readonly split: string
  readonly prompt: string
  readonly answer: string
}

/** @param slicesOf what each problem is filed under, given the id of the set */
export function addImported(
  { datasets }: Store,
  { name, grader, problems }: { readonly name: string; readonly grader: string; readonly problems: readonly ImportedProblem[] },
  slicesOf = (_datasetId: number): Record<string, string> => ({}),
): ImportedSet {
  const datasetId = datasets.add({ name, kind: 'imported', source: null, roles: null, grader, note: '', createdAtMs: 1 })
  const slices = slicesOf(datasetId)
  const problemIds = datasets.addProblems(
    datasetId,
    problems.map((problem, at) => ({ key: `p-${at}`, level: null, slices, ...problem })),
  )
  return { datasetId, problemIds }
}

/** Forty problems, of which 24 are for training, whose right answers cannot be listed. */
export function addPatterns(store: Store): number {
  const problems = Array.from({ length: 40 }, (_, at) => ({
    split: at < 24 ? 'train' : 'test',
    prompt: `Name a number above ${at}.`,
    answer: '[0-9]+',
  }))
  return addImported(store, { name: 'patterns', grader: 'regex', problems }).datasetId
}
