/**
 * The settings of a run in the order of the form: which stand together, what they are called and in which unit they are.
 * Ranges, defaults and reasons come from the lab; only what a schema cannot say is here. A setting that this table does not
 * know still appears, under its own name.
 */
import { deviceTitles, type SpecField } from '../../../src-preload/contract.ts'

interface Text {
  readonly title: string
  readonly unit?: string
  /** Where the schema gives no reason. */
  readonly reason?: string
  readonly step?: number
  /** What choices are called, where they do not speak for themselves. */
  readonly choices?: Readonly<Record<string, string>>
}

export const fieldTexts: Readonly<Record<string, Text>> = {
  'format.thoughts': { title: 'Thoughts' },
  'format.episodes': { title: 'Episodes' },
  'format.examples': { title: 'Examples shown', unit: 'examples' },
  'adapters.rank': { title: 'Rank of adapters' },
  'adapters.alpha': { title: 'Alpha' },
  'adapters.targets': { title: 'Where adapters go' },
  'adapters.frozen': { title: 'Frozen matrices held in' },
  steps: { title: 'Steps', unit: 'steps', reason: 'How long to train: one batch of rollouts and its update each.' },
  promptsPerStep: { title: 'Problems per step', unit: 'problems' },
  groupSize: { title: 'Group size', unit: 'rollouts' },
  'budget.thinkingTokens': { title: 'Thinking budget', unit: 'tokens', step: 8 },
  'budget.answerTokens': { title: 'Answer budget', unit: 'tokens' },
  'sampling.temperature': { title: 'Temperature', step: 0.1 },
  'sampling.topK': { title: 'Top k', unit: 'tokens' },
  'sampling.topP': { title: 'Top p', step: 0.05 },
  'sampling.minP': { title: 'Min p', step: 0.01 },
  'optimizer.lr': { title: 'Learning rate', step: 1e-4 },
  'optimizer.schedule': { title: 'Schedule' },
  'optimizer.warmupSteps': { title: 'Warm-up', unit: 'steps' },
  'optimizer.beta1': { title: 'Beta 1', step: 0.01, reason: 'Memory of the mean gradient; 0.9 is about 10 steps.' },
  'optimizer.beta2': {
    title: 'Beta 2',
    step: 0.001,
    reason: 'Memory of its size; 0.99 is about 100 steps, short enough for runs like these.',
  },
  'optimizer.eps': { title: 'Epsilon', step: 1e-8, reason: 'Keeps the step finite where the gradient vanishes.' },
  'optimizer.weightDecay': { title: 'Weight decay', step: 0.01 },
  'optimizer.clipNorm': { title: 'Gradient clip', step: 0.1 },
  'evaluation.every': { title: 'Evaluate every', unit: 'steps' },
  'evaluation.problems': { title: 'Held-out problems', unit: 'problems', step: 64 },
  'evaluation.samples': { title: 'Rollouts per problem', unit: 'rollouts' },
  'evaluation.budgets': { title: 'Budgets read', unit: 'tokens' },
  'evaluation.seed': { title: 'Seed of the evaluation' },
  observeGroups: { title: 'Groups observed', unit: 'groups' },
  'watch.problems': { title: 'Problems watched', unit: 'problems' },
  'watch.every': { title: 'Watched every', unit: 'steps' },
  'watch.samples': { title: 'Rollouts of each', unit: 'rollouts' },
  microbatchTokens: { title: 'Micro-batch', unit: 'tokens', step: 512 },
  checkpointEvery: { title: 'Checkpoint every', unit: 'steps' },
  device: { title: 'Device', choices: deviceTitles },
}

/** Set elsewhere in the form, or by it. */
const elsewhere = new Set(['name', 'preset', 'group', 'seed', 'start'])

/** The section that asks for problem set and start besides its fields. */
export const PROBLEMS = 'Problems and start'

const sections: readonly {
  readonly title: string
  readonly sentence: string
  readonly open: boolean
  readonly has: (path: string) => boolean
}[] = [
  {
    title: 'Essentials',
    sentence: 'What decides most: how long, how much at once, how far thinking may go, and how fast weights move.',
    open: true,
    has: (path) => ['steps', 'promptsPerStep', 'groupSize', 'budget.thinkingTokens', 'optimizer.lr'].includes(path),
  },
  { title: PROBLEMS, sentence: 'What is trained on, and from which weights.', open: true, has: (path) => path.startsWith('budget') },
  {
    title: 'Thinking in text',
    sentence: 'How a model of text is asked and how its thoughts are cut. A model of a notation has all of this built in.',
    open: false,
    has: (path) => path.startsWith('format'),
  },
  {
    title: 'Sampling',
    sentence: 'How tokens are drawn. Anything but the defaults makes training see other probabilities than sampling did.',
    open: false,
    has: (path) => path.startsWith('sampling'),
  },
  {
    title: 'Adapters',
    sentence: 'Train small matrices beside the weights of a model, and leave these as they are.',
    open: false,
    has: (path) => path.startsWith('adapters'),
  },
  { title: 'Optimizer', sentence: 'AdamW on all weights that train.', open: false, has: (path) => path.startsWith('optimizer') },
  {
    title: 'Evaluation',
    sentence: 'The same held-out problems for every run, so that runs are compared problem by problem.',
    open: false,
    has: (path) => path.startsWith('evaluation'),
  },
  {
    title: 'Measuring, keeping, computing',
    sentence: 'What is measured beside the training, what is kept, and what computes it.',
    open: false,
    has: () => true,
  },
]

export interface Section {
  readonly title: string
  readonly sentence: string
  readonly open: boolean
  readonly fields: readonly SpecField[]
}

/** Every field in the first section that has it; the essentials come first. */
export function sectionsOf(fields: readonly SpecField[]): readonly Section[] {
  const placed = Map.groupBy(
    fields.filter(({ path }) => !elsewhere.has(path)),
    ({ path }) => sections.findIndex(({ has }) => has(path)),
  )
  return sections
    .map(({ title, sentence, open }, i) => ({ title, sentence, open, fields: placed.get(i) ?? [] }))
    .filter((section) => section.fields.length > 0)
}

/** "promptsPerStep" as "Prompts per step", for settings that the table does not know. */
export const titleOf = (name: string): string => {
  const words = (name.split('.').at(-1) ?? name).replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
