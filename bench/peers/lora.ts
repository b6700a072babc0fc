// A pass of adapters over a batch of a language model of 135 million parameters, beside PyTorch with PEFT: the same weights, adapters and tokens. Equality first (loss,
// and the norm of every gradient), then time, in turn, with what the backward pass needs kept, and with all of it computed again; and the peak of either process.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEngine } from '../../src-main/engine/engine.ts'
import { openLayeredSteps } from '../../src-main/lab/training/trainingSteps.ts'
import { withAdapters, writePeft } from '../../src-main/model/adapters.ts'
import { adapterSpecs, initialAdapters } from '../../src-main/model/config.ts'
import { writeHuggingFace } from '../../src-main/model/huggingFace.ts'
import { withPositions } from '../../src-main/model/llama.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { lossGraph } from '../../src-main/rl/loss.ts'
import { createWeights } from '../../src-main/rollout/policy.ts'
import { completionPlane, sequenceFeeds } from '../../src-main/rollout/sequences.ts'
import { randomSequences } from '../lora.ts'
import { randomWeights, SMOL_CONFIG } from '../models.ts'
import { contest, cost, figure, gain } from '../question.ts'
import type { Question } from '../question.ts'
import { openPeer } from './python.ts'

const ROWS = 4
const LENGTH = 512
const ROUNDS = 3
const LIKELIHOOD = { ratio: 'none', clipLow: 0.2, clipHigh: 0.2, aggregation: 'token-mean', klBeta: 0, updatesPerBatch: 1 } as const

export const question: Question = {
  title: `lora-peft: a pass over ${ROWS} x ${LENGTH} tokens, beside PyTorch with PEFT`,
  async ask() {
    const folder = mkdtempSync(join(tmpdir(), 'mrt-lora-'))
    try {
      return await beside(folder)
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}

async function beside(folder: string): ReturnType<Question['ask']> {
  const config = withAdapters(SMOL_CONFIG, { rank: 16, alpha: 32 })
  const rng = createRng(3)
  const adapters = initialAdapters(config, 3)
  for (const { name } of adapterSpecs(config))
    if (name.includes('lora_B'))
      adapters.set(
        name,
        adapters.get(name)!.map(() => 0.02 * rng.gaussian()),
      )
  const weights = new Map(randomWeights(SMOL_CONFIG))
  const [base, added] = [join(folder, 'base'), join(folder, 'adapters')]
  for (const made of [base, added]) mkdirSync(made)
  await writeHuggingFace(base, SMOL_CONFIG, weights)
  await writePeft(added, config, adapters, null)
  const sequences = randomSequences(ROWS, LENGTH)
  const [prompt, spoken] = [sequences[0]!.prompt.length, sequences[0]!.completion.length]

  const engine = openEngine()
  const parameters = createWeights(engine, config, new Map([...weights, ...adapters]))
  weights.clear()
  const options = {
    config: withPositions(config, LENGTH),
    parameters,
    loss: (g: Parameters<typeof lossGraph>[0], values: Parameters<typeof lossGraph>[1]) => lossGraph(g, values, LIKELIHOOD),
    needs: { oldLogps: false, refLogps: false },
    temperature: 1,
  }
  const batch = { members: sequences.map((_, member) => member), width: prompt + spoken - 1 }
  const plane = (value: number) => completionPlane(batch, sequences, () => new Float32Array(spoken).fill(value))
  const feeds = { ...sequenceFeeds(batch, sequences, config.vocabSize), advantages: plane(1), weights: plane(1 / (ROWS * spoken)) }
  const again = await openLayeredSteps(engine, options, 0)
  const ours = async (steps: typeof again) => (await steps.step([feeds], ['loss', 'logps'], {})).outputs[0]!
  const peer = openPeer('lora.py', [base, added, String(cpus().length)], cpus().length)
  const loaded = (await peer.ask({
    do: 'load',
    tokens: sequences.map((each) => [...Array.from(each.prompt), ...Array.from(each.completion)]),
    prompt,
  })) as unknown as { loss: number; norms: Record<string, number>; versions: Record<string, string> }

  // All computed again comes first: a peak never falls.
  const { logps } = await ours(again)
  const nll = -(logps!.data as Float32Array).reduce((sum, logp) => sum + logp, 0) / (ROWS * spoken)
  const norms = Object.entries(again.gradients()).map(([name, gradient]) => {
    const theirs = Object.entries(loaded.norms).find(([other]) => other.replace('.default', '').endsWith(name.replace(/^grad\//, '')))![1]
    return Math.abs(Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0)) / theirs - 1)
  })
  await ours(again)
  const peakAgain = engine.peakResidentBytes / 2 ** 20
  const kept = await openLayeredSteps(engine, options)
  let peakPeer = 0
  const times = await contest(
    {
      kept: () => ours(kept),
      again: () => ours(again),
      peer: async () => {
        peakPeer = Number((await peer.ask({ do: 'step' })).peak)
      },
    },
    ROUNDS,
  )
  const peakKept = engine.peakResidentBytes / 2 ** 20
  peer.close()
  kept.dispose()
  again.dispose()
  engine.dispose()
  const versions = Object.entries(loaded.versions).map(([name, version]) => `${name} ${version}`)
  return {
    checks: [
      { what: `loss of ${versions.join(', ')}`, difference: Math.abs(nll - loaded.loss), limit: 1e-4 },
      { what: `norms of ${norms.length} gradients, the worst relative difference`, difference: Math.max(...norms), limit: 1e-3 },
    ],
    figures: [
      figure('a pass, kept', 'ms', times.kept),
      figure('a pass, all computed again', 'ms', times.again),
      figure('a pass, PEFT', 'ms', times.peer),
      figure('peak of the process, all computed again', 'MiB', [peakAgain]),
      figure('peak of the process, kept', 'MiB', [peakKept]),
      figure('peak of the process, PEFT', 'MiB', [peakPeer]),
    ],
    ratios: [
      gain('kept, over PEFT', times.kept, times.peer, { atLeast: 1.2 }),
      gain('all computed again, over PEFT', times.again, times.peer, { atLeast: 0.95 }),
      cost('peak of all computed again, of that of PEFT', [peakAgain], [peakPeer], { atMost: 0.35 }),
      cost('peak of kept, of that of PEFT', [peakKept], [peakPeer]),
    ],
  }
}
