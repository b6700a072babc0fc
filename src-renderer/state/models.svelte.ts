/**
 * The models of the workspace: what runs start from, what was imported, and the checkpoints that runs left. And the self-test of
 * the device, asked for by hand.
 */
import { isOfText, type Checkpoint, type DeviceName, type Model, type SelfTestReport, type SystemInfo } from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import { reading, type Reading } from './reading.svelte.ts'
import { runs } from './runs.svelte.ts'

export interface RunCheckpoint {
  readonly checkpoint: Checkpoint
  readonly runId: number
}

/** While a component is set up. */
export class ModelsState {
  readonly models: Reading<readonly Model[]> = reading((client) => client.models.list(), { nouns: ['models', 'runs'] })
  readonly checkpoints: Reading<readonly RunCheckpoint[]> = reading(
    async (client) => {
      const owners = runs.items.filter(({ checkpointCount }) => checkpointCount > 0).map(({ run }) => run.id)
      const lists = await Promise.all(
        owners.map((runId) => client.checkpoints.list({ runId }).then((all) => all.map((checkpoint) => ({ checkpoint, runId })))),
      )
      return lists.flat().sort((a, b) => b.checkpoint.createdAtMs - a.checkpoint.createdAtMs)
    },
    { nouns: ['checkpoints'], keep: true },
  )
  readonly system: Reading<SystemInfo> = reading((client) => client.system.info())
  report: SelfTestReport | null = $state.raw(null)
  testing = $state(false)

  async test(device: DeviceName): Promise<void> {
    this.testing = true
    this.report = (await app.attempt(() => lab.client.system.selfTest({ device }))) ?? this.report
    this.testing = false
    this.system.again()
  }

  remove = (modelId: number) => app.attempt(() => lab.client.models.remove({ modelId }))
}

/** The vocabulary of the notation that a task here brings: a model without a tokenizer is trained in it or not at all. */
const TASK_VOCABULARY = 416

/** What a run's specification calls these weights; null where no run can start from them. */
export function startOf(model: Model): string | null {
  const { id, kind, config } = model
  if (kind === 'starter') return 'starter'
  if (isOfText(model)) return `model:${id}`
  const size = (config as { readonly vocabSize?: unknown } | null)?.vocabSize
  return size === TASK_VOCABULARY ? `model:${id}` : null
}
