// A whole iteration of TRL's GRPOTrainer beside a whole step here: the same weights, problems, group size, budget and grader, the same loss, on the
// processor, in turn. Equality: log-probs of rollouts that TRL drew, by transformers and by the engine, before any update.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEngine } from '../../src-main/engine/engine.ts'
import { openProblems } from '../../src-main/lab/training/tasks.ts'
import { parameterSpecs } from '../../src-main/model/config.ts'
import { writeSafetensors, type TensorData } from '../../src-main/model/safetensors.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { startWeights } from '../models.ts'
import { distance, figure, gain, type Answer } from '../question.ts'
import { openContestant, restore, takeStep } from '../step.ts'
import { openPeer } from './python.ts'

const ROUNDS = 4

interface Drawn {
  readonly prompt: number
  readonly ids: readonly number[]
  readonly logps: readonly number[]
}

export async function askTrl(start: string): Promise<Answer> {
  const engine = openEngine()
  const weights = await startWeights(start)
  const { config, tensors } = weights
  const folder = mkdtempSync(join(tmpdir(), 'mrt-trl-'))
  const store = openStore(folder, { create: true })
  const ours = await openContestant(engine, weights, 'dr-grpo')
  const { spec } = ours
  const source = openProblems(store, spec, Date.now, { size: config.vocabSize, tokenizer: null })
  const { format, grade } = source.task
  const problems = Array.from({ length: ROUNDS + 1 }, (_, round) => source.ofStep(round + 1, spec.promptsPerStep)).flat()
  await writeSafetensors(
    join(folder, 'weights.safetensors'),
    new Map(parameterSpecs(config).map(({ name, dims }): [string, TensorData] => [name, { dims, data: tensors.get(name)! }])),
  )
  const stop = format.stopTokens[0]!
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({
      model: config,
      prompts: problems.map(({ promptTokens }) => [...promptTokens]),
      promptsPerStep: spec.promptsPerStep,
      groupSize: spec.groupSize,
      budget: spec.budget.thinkingTokens + spec.budget.answerTokens,
      stop,
      pad: stop === 0 ? 1 : 0,
      lr: spec.optimizer.lr,
      clipNorm: spec.optimizer.clipNorm,
      threads: engine.threads,
    }),
  )
  const peer = openPeer('trl_iteration.py', [folder], engine.threads)
  const times = { ours: [] as number[], theirs: [] as number[] }
  const drawn = { ours: [] as number[], theirs: [] as number[] }
  let difference = Infinity
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      const [own, other] = round % 2 === 0 ? [await mine(round), await theirs()] : [await theirs(), await mine(round)].toReversed()
      if (round === 0) {
        console.log(`TRL ${String(other!.said.trl)}`)
        difference = await furthest(other!.said.first as Drawn[])
        continue
      }
      times.ours.push(own!.ms)
      times.theirs.push(other!.ms)
      drawn.ours.push(own!.tokens)
      drawn.theirs.push(other!.tokens)
    }
  } finally {
    peer.close()
    ours.learner.dispose()
    ours.policy.dispose()
    engine.dispose()
    store.close()
    rmSync(folder, { recursive: true, force: true })
  }
  const batch = `${spec.promptsPerStep} problems x ${spec.groupSize} rollouts`
  return {
    checks: [{ what: 'TRL: log-probs of 8 of its rollouts, by transformers and by the engine', difference, limit: 5e-4 }],
    figures: [
      figure(`whole iteration, ${batch}: ours`, 'ms', times.ours),
      figure(`whole iteration, ${batch}: TRL`, 'ms', times.theirs),
      figure('tokens drawn in an iteration: ours', 'tokens', drawn.ours),
      figure('tokens drawn in an iteration: TRL', 'tokens', drawn.theirs),
    ],
    ratios: [gain('whole iteration: TRL over ours', times.ours, times.theirs)],
  }

  async function mine(round: number) {
    if (round === 0) restore(ours, weights)
    const { entries, times: taken } = await takeStep(ours, source, round + 1)
    return {
      ms: taken.whole,
      tokens: entries.reduce((sum, { rollout }) => sum + rollout.tokens.length, 0),
      said: {} as Record<string, unknown>,
    }
  }
  async function theirs() {
    const { grade: rollouts } = (await peer.ask({ do: 'step' })) as { readonly grade: readonly (readonly [number, readonly number[]])[] }
    const rewards = rollouts.map(([place, ids]) => (grade(problems[place]!, Int32Array.from(ids)).correct ? 1 : 0))
    const said = await peer.ask({ do: 'reward', rewards })
    return { ms: Number(said.ms), tokens: Number(said.tokens), said }
  }
  /** @param first rollouts of TRL, drawn from the weights that both began with */
  async function furthest(first: readonly Drawn[]): Promise<number> {
    restore(ours, weights)
    const scored = await ours.policy.score(
      first.map(({ prompt, ids }) => ({ prompt: problems[prompt]!.promptTokens, completion: Int32Array.from(ids) })),
    )
    return Math.max(...first.map(({ logps }, at) => distance(scored[at]!, logps)))
  }
}
