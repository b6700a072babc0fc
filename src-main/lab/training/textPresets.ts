// Runs with a name on a model of text: SmolLM2-135M-Instruct with adapters on arithmetic in words, sized so that a few steps fit a coffee break
// of two cores. They share everything but the method, as the presets of the home task do.
import type { RunSpecInput } from '../../../src-preload/contract.ts'
import { presets, withoutKl, type Preset } from './presets.ts'
import { returnsPresets } from './returnsPresets.ts'

/** Shown one solved problem, the model writes its steps line by line and is right about one time in five: groups are mixed, and there is something to learn. */
const shared: Omit<RunSpecInput, 'algorithm' | 'name'> = {
  start: 'model:smollm2-135m',
  task: { name: 'arithmetic', options: { level: '2' } },
  format: { examples: 2 },
  adapters: { rank: 16, alpha: 32 },
  steps: 20,
  promptsPerStep: 4,
  groupSize: 8,
  observeGroups: 1,
  microbatchTokens: 1024,
  checkpointEvery: 5,
  sampling: { temperature: 0.8 },
  budget: { thinkingTokens: 48, answerTokens: 8 },
  optimizer: { lr: 2e-4 },
  evaluation: { problems: 48, samples: 2, budgets: [8, 16, 24, 32, 48], longest: 96, counted: 'thinking' },
}

const preset = (title: string, about: string, name: string, algorithm: Preset['spec']['algorithm']): Preset => ({
  title,
  about,
  spec: { ...shared, name, algorithm },
})

export const textPresets: Readonly<Record<string, Preset>> = {
  'gsm-lora': preset(
    'MRT-exact, in words',
    'SmolLM2 with adapters: every line of its thought is also paid for its progress, J summed over the ways of writing the answer.',
    'MRT-exact in words',
    { name: 'mrt-exact' },
  ),
  'gsm-lora-mrt-online': preset(
    'MRT-online, in words',
    'The same with J from sampled answers.',
    'MRT-online in words',
    withoutKl('mrt-online', { branches: 4 }),
  ),
  'gsm-lora-outcome': preset('Outcome RL, in words', 'SmolLM2 with adapters, paid for right answers alone.', 'outcome RL in words', {
    name: 'dr-grpo',
  }),
  'gsm-lora-length-penalty': preset(
    'Length penalty, in words',
    'SmolLM2 with adapters: right answers that are longer than their peers earn less.',
    'length penalty in words',
    withoutKl('length-penalty', { alpha: 0.2 }),
  ),
}

/** Every run with a name. */
export const allPresets: Readonly<Record<string, Preset>> = { ...presets, ...returnsPresets, ...textPresets }
