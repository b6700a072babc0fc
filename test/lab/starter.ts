// The shipped starter model, opened as a policy for a test, with the engine that it runs on.
import { join } from 'node:path'
import { openEngine } from '../../src-main/engine/engine.ts'
import { loadCheckpoint } from '../../src-main/model/checkpoint.ts'
import type { LlamaConfig } from '../../src-main/model/config.ts'
import { createWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import type { Policy, PolicyOptions } from '../../src-main/rollout/policy.ts'

/** The settings that runs sample with unless they say otherwise. */
export const SETTINGS = { temperature: 1, topK: 0, topP: 1, minP: 0, thinkingTokens: 120, answerTokens: 24 } as const

export interface OpenedStarter {
  readonly policy: Policy
  dispose(): void
}

/** @param options as `openPolicy` takes them; rows for the largest batch that the test draws, and room for a prompt, a thought and an answer unless given */
export async function openStarter(options: Partial<PolicyOptions> = {}): Promise<OpenedStarter> {
  const engine = openEngine()
  const { config, tensors } = await loadCheckpoint(join(import.meta.dirname, '../../resources/starter'))
  const model = config as unknown as LlamaConfig
  const weights = createWeights(engine, model, new Map([...tensors].map(([name, { data }]) => [name, data])))
  return { policy: await openPolicy(engine, model, weights, { rows: 128, maxLength: 176, ...options }), dispose: () => engine.dispose() }
}
