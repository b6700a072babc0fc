/**
 * The datasets of the workspace and the one that is looked at: what is known of it, its problems a page at a time, what it
 * shares with others, and the rows of its import that were kept aside. Changes are asked of the lab, which tells when they are done.
 */
import type { Dataset, DatasetFacts, Exported, OverlapReport, Problem, RejectedRow } from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import { exporting } from './exporting.svelte.ts'
import { reading, type Reading } from './reading.svelte.ts'

/** Problems and rejected rows fetched at once. */
const PAGE = 200

export const datasetsReading = (): Reading<readonly Dataset[]> => reading((client) => client.datasets.list(), { nouns: ['datasets'] })

/** While a component is set up. */
export class DatasetState {
  readonly facts: Reading<DatasetFacts>
  readonly overlap: Reading<OverlapReport>
  readonly problems: Reading<readonly Problem[]>
  readonly kept: Reading<{ readonly rows: readonly RejectedRow[]; readonly total: number }>
  /** Problems shown; more are read on demand. */
  shown = $state(PAGE)
  keptShown = $state(PAGE)

  constructor(dataset: () => Dataset, split: () => string) {
    const id = $derived(dataset().id)
    this.facts = reading((client, signal) => client.datasets.facts({ datasetId: id }, { signal }), { nouns: ['datasets'] })
    this.overlap = reading((client, signal) => client.datasets.overlap({ datasetId: id }, { signal }), { nouns: ['datasets'] })
    this.problems = reading((client) => problemsOf(client, id, split(), this.shown), { keep: true })
    this.kept = reading(
      (client) => {
        const importId = this.facts.data?.record?.importId
        return importId === undefined ? null : client.imports.rejected({ importId, limit: Math.min(1000, this.keptShown) })
      },
      { keep: true },
    )
  }

  more(): void {
    this.shown += PAGE
  }
}

async function problemsOf(client: typeof lab.client, datasetId: number, split: string, wanted: number): Promise<readonly Problem[]> {
  const found: Problem[] = []
  while (found.length < wanted) {
    const page = await client.problems.list({ datasetId, split, afterId: found.at(-1)?.id ?? 0, limit: PAGE })
    found.push(...page)
    if (page.length < PAGE) break
  }
  return found
}

export const describeDataset = (
  { id: datasetId, name, note, grader }: Dataset,
  changes: Partial<Pick<Dataset, 'name' | 'note' | 'grader'>>,
) => app.attempt(() => lab.client.datasets.describe({ datasetId, name, note, grader, ...changes }))

/** Deals the problems into train and eval. Resolves to undefined when it was refused. */
export const splitDataset = (datasetId: number, seed: number, heldOut: number) =>
  app.attempt(() =>
    lab.client.datasets.split({
      datasetId,
      rule: {
        seed,
        shares: [
          { name: 'train', share: 1 - heldOut },
          { name: 'eval', share: heldOut },
        ],
      },
    }),
  )

/** True when it is gone. */
export const removeDataset = async (datasetId: number): Promise<boolean> =>
  (await app.attempt(() => lab.client.datasets.remove({ datasetId }))) !== undefined

export async function exportRejected(importId: string, save: (name: string, content: Blob) => void): Promise<void> {
  const written: Exported | undefined = await app.attempt(() => lab.client.imports.exportRejected({ importId }))
  if (!written) return
  if (exporting.isFetched) await app.attempt(() => exporting.fetch(written, save))
  else
    app.say({
      tone: 'good',
      title: `${written.fileName} is written`,
      text: written.path,
      action: 'Show it',
      act: () => void exporting.reveal(written),
    })
}
