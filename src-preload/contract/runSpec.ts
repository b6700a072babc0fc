// What a run is made of: the specification that the command line, the screens and the store share. Every default of a run lives here,
// once; every field says its unit and why one would change it. Options of an algorithm live with the algorithm and are checked there.
import { z } from 'zod'
import { LabError } from './errors.ts'

const positive = z.number().int().positive()

/** Devices that a run may name, the processor first. */
export const deviceNames = ['cpu', 'webgpu', 'cuda'] as const
export type DeviceName = (typeof deviceNames)[number]
export const deviceTitles: Readonly<Record<DeviceName, string>> = { cpu: 'Processor', webgpu: 'GPU (WebGPU)', cuda: 'GPU (CUDA)' }

export const taskSpec = z.strictObject({
  name: z.string().min(1).default('countdown').describe('Which problem set is asked; the lab lists them with their options.'),
  options: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .default({})
    .describe('Options of that problem set, such as its level; checked by its own table.'),
})

export const formatSpec = z.strictObject({
  thoughts: z
    .enum(['auto', 'marks', 'scratchpad'])
    .default('auto')
    .describe(
      'How a model of text thinks: between marks of its own (<think>), or on a scratchpad before it announces its answer. auto: marks where the model has them.',
    ),
  episodes: z
    .enum(['lines', 'paragraphs', 'phrases', 'paper', 'windows'])
    .default('lines')
    .describe(
      'Where a thought in text is cut into episodes: at every line, at every paragraph, at phrases such as Wait, by the rule of the paper, or every 24 words.',
    ),
  examples: z
    .number()
    .int()
    .min(0)
    .max(16)
    .default(0)
    .describe(
      'Solved problems shown before the question, for models that do not know what is wanted; the task needs a teacher that speaks.',
    ),
})

export const adapterSpec = z.strictObject({
  rank: z
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe(
      'Rank of low-rank adapters on the linear maps of every layer; only they train, and the model without them is the reference. 0 trains every weight.',
    ),
  alpha: z.number().positive().default(32).describe('What the adapters add is multiplied by alpha / rank.'),
  targets: z
    .string()
    .regex(/^(q|k|v|o|gate|up|down)(,(q|k|v|o|gate|up|down))*$/, 'expected some of q,k,v,o,gate,up,down with commas between them')
    .default('q,k,v,o,gate,up,down')
    .describe(
      'The linear maps that get adapters, with commas between them: queries, keys, values and output of attention, gate, up and down of the feed-forward part.',
    ),
  frozen: z
    .enum(['float32', 'bfloat16', 'float16', 'int4'])
    .optional()
    .describe(
      'What the matrices that adapters leave as they are are held in, read by sampling and training alike: half the memory in 16 bits; in int4 those of the layers in a fifth, every 32 numbers as the nearest of 16 from the least to the largest of them, and the embedding and output matrix in bfloat16. float32 unless given.',
    ),
})

export const samplingSpec = z.strictObject({
  temperature: z
    .number()
    .positive()
    .max(4)
    .default(1)
    .describe(
      'Divides the logits everywhere: in sampling, in the loss and in J. What is trained, measured and evaluated is softmax(logits / temperature).',
    ),
  topK: z
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe(
      'Keep the k most likely tokens; 0 keeps all. Training then needs a correction, since the policy that is trained has them all.',
    ),
  topP: z
    .number()
    .positive()
    .max(1)
    .default(1)
    .describe('Keep the smallest set of tokens with this probability; 1 keeps all. Training then needs a correction.'),
  minP: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('Drop tokens below this share of the most likely one; 0 keeps all. Training then needs a correction.'),
})

export const budgetSpec = z.strictObject({
  thinkingTokens: positive.default(120).describe('Thinking tokens before the answer is forced. Regret is measured up to here.'),
  stages: z
    .array(z.number().positive().max(1))
    .min(1)
    .optional()
    .describe(
      'Shares of the thinking budget that equal parts of the run sample with, such as 0.5, 1 for half of it first and then all, as in a curriculum of 8 and 16 thousand tokens; all of it throughout unless given.',
    ),
  answerTokens: positive.default(24).describe('Tokens allowed for the answer, its end token included.'),
})

export const optimizerSpec = z.strictObject({
  lr: z
    .number()
    .positive()
    .default(1e-4)
    .describe(
      'Peak learning rate of AdamW. Lower it when the gradient spikes or entropy collapses. The best of 3e-5, 1e-4, 3e-4 and 1e-3 for outcome RL on the home task.',
    ),
  schedule: z.enum(['constant', 'linear', 'cosine']).default('constant').describe('How the learning rate falls after the warm-up.'),
  warmupSteps: z.number().int().nonnegative().default(0).describe('Steps over which the learning rate rises from 0.'),
  beta1: z.number().min(0).max(1).default(0.9),
  beta2: z.number().min(0).max(1).default(0.99),
  eps: z.number().positive().default(1e-8),
  weightDecay: z.number().min(0).default(0).describe('Decoupled weight decay on matrices.'),
  clipNorm: z.number().positive().default(1).describe('Largest global norm of the gradient; a larger one is scaled down to it.'),
})

export const watchSpec = z.strictObject({
  problems: z
    .number()
    .int()
    .nonnegative()
    .default(4)
    .describe(
      'Training problems on the watch list, the first that the run trains on. They are asked again while it goes on, with the same draws, so that answers to one prompt can be read side by side through training; what they answer teaches nothing. 0 watches none.',
    ),
  every: positive.default(10).describe('Steps from one look at the watch list to the next; the first comes before the first update.'),
  samples: positive.default(1).describe('Rollouts of each problem of the watch list at each look.'),
})

/** What regret counts as spent on an answer; see `evaluation.counted`. */
export const countedTokens = ['all', 'completion', 'thinking'] as const
export type Counted = (typeof countedTokens)[number]
export const countedTitles: Readonly<Record<Counted, string>> = {
  all: 'prompt, thinking and answer',
  completion: 'thinking and answer',
  thinking: 'thinking alone',
}

export const evaluationSpec = z.strictObject({
  every: z.number().int().nonnegative().default(0).describe('Evaluate every so many steps besides the end; 0 evaluates at the end only.'),
  problems: positive.default(256).describe('Held-out problems; the standard error falls with their square root.'),
  samples: z
    .number()
    .int()
    .min(2)
    .default(8)
    .describe('Rollouts of each held-out problem that stop where they stop. pass@k is reported up to half of them, majorities from 8 on.'),
  kept: z
    .number()
    .int()
    .min(2)
    .default(2)
    .describe('Rollouts of each held-out problem that are forced to think on to the longest budget: the curves of kept thinking.'),
  budgets: z
    .array(positive)
    .default([12, 24, 36, 48, 64, 80, 100, 120, 180, 240, 360])
    .describe('Thinking budgets in tokens at which accuracy and regret are read; the training budget is always one of them.'),
  longest: positive
    .optional()
    .describe(
      'Thinking tokens that every evaluated rollout may use, whatever budgets it is read at; 3 times the training budget, or the largest budget where that is more, unless given.',
    ),
  counted: z
    .enum(countedTokens)
    .optional()
    .describe(
      'What regret counts as spent: all of prompt, thinking and answer, as published; completion, which leaves out the prompt; or thinking alone, as accuracy is read. Unless given, all for a task in tokens of its own and thinking for one in words, where the prompt may be longer than the budget.',
    ),
  window: z
    .number()
    .int()
    .min(2)
    .optional()
    .describe(
      'Linearised: rollouts think on behind a window of their latest episodes, at most so many thinking tokens with it, so that budgets may lie beyond the positions of the model. What was dropped is neither read nor answered from. Nothing is dropped unless given.',
    ),
  seed: z
    .number()
    .int()
    .nonnegative()
    .default(20_260_101)
    .describe('Seed of the evaluation problems and rollouts: the same for every run, so that runs are paired.'),
})

export const runSpec = z.strictObject({
  name: z.string().min(1).max(120).default('run').describe('A label for people; the identity of a run is its id.'),
  preset: z.string().optional().describe('The preset this specification started from.'),
  group: z.string().optional().describe('Runs with the same group are seeds of one configuration.'),
  task: taskSpec.prefault({}),
  format: formatSpec.prefault({}),
  start: z
    .string()
    .default('starter')
    .describe('Where the weights come from: "starter", "model:<id or name>", "checkpoint:<id>", or the folder of a checkpoint.'),
  adapters: adapterSpec.prefault({}),
  prover: z
    .string()
    .optional()
    .describe(
      'With the option mu at "given": whose answers progress is measured by, named as a start is, such as "checkpoint:<id>" or "model:<id or name>"; they have to speak in the same tokens.',
    ),
  algorithm: z.strictObject({ name: z.string(), options: z.record(z.string(), z.unknown()).default({}) }),
  steps: positive.default(40),
  seed: z.number().int().nonnegative().default(1),
  promptsPerStep: positive
    .default(32)
    .describe('Problems drawn anew for every step. More of them steady the update and cost time in proportion.'),
  groupSize: positive
    .default(8)
    .describe(
      'Rollouts of each problem, compared with one another: 8 is the least that tells them apart well, 16 to 32 are common. A method of two arms samples as many as its arms ask for instead; there this is the size of the groups that are watched. Demonstrations are one of each problem, so many problems as this times the problems of a step.',
    ),
  sampling: samplingSpec.prefault({}),
  shares: positive
    .max(4096)
    .optional()
    .describe(
      'Shares into which what a step draws is cut, each decoded by itself: by a worker of a cluster, or one after another here, with the same numbers to the last bit. What is decoded together decides those bits; one share unless given, and 8 for a run over Ray.',
    ),
  budget: budgetSpec.prefault({}),
  optimizer: optimizerSpec.prefault({}),
  observeGroups: z
    .number()
    .int()
    .nonnegative()
    .default(4)
    .describe(
      'Groups per step whose J is measured even where the algorithm does not need it, so that regret and progress can be read for every run. A method of two arms, or of demonstrations, samples these groups besides.',
    ),
  watch: watchSpec.prefault({}),
  microbatchTokens: positive.default(2048).describe('Tokens forwarded at once: bounds the memory of activations.'),
  device: z
    .enum(deviceNames)
    .default('cpu')
    .describe(
      'What samples, measures J, trains and evaluates. Any but the processor (cpu) is refused until its self-test has passed on this machine with this version.',
    ),
  evaluation: evaluationSpec.prefault({}),
  checkpointEvery: positive.default(10).describe('Steps between checkpoints; a killed run repeats at most this many.'),
})

/** A complete specification: every field present. Stored with the run. */
export type RunSpec = z.infer<typeof runSpec>
/** What a person may write: only what differs from the defaults. */
export type RunSpecInput = z.input<typeof runSpec>

/** A complete specification from what a person wrote; options of its task and its algorithm are checked where those are known. Throws LabError `run.spec`. */
export function completeSpec(given: unknown): RunSpec {
  const parsed = runSpec.safeParse(given)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new LabError('run.spec', {
    expected: 'a run specification',
    found: `${issue!.path.join('.') || 'the whole'}: ${issue!.message}`,
    next: 'Correct that field; `mrt run --help` lists the presets to start from.',
  })
}

/** What regret counts in a run or an evaluation with this configuration, as it is recorded; everything for one that does not say, as one from a file. */
export function countedIn(config: unknown): Counted {
  const { evaluation, counted } = (typeof config === 'object' && config !== null ? config : {}) as Readonly<Record<string, unknown>>
  const said =
    counted ?? (typeof evaluation === 'object' && evaluation !== null ? (evaluation as { counted?: unknown }).counted : undefined)
  return countedTokens.find((each) => each === said) ?? 'all'
}
