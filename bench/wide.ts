// Peak memory of reading 2,048 tokens with a vocabulary of 151,936: their log-probs, and J of a hundred answers at 4 cuts, through one graph that holds
// all logits and through the readers, whose head runs over some places at a time. Each in a process of its own:
//   node bench/wide.ts             all four, one after the other
import { execFileSync } from 'node:child_process'
import { memoryUsage } from 'node:process'
import { openEngine } from '../src-main/engine/engine.ts'
import { initialWeights } from '../src-main/model/config.ts'
import type { LlamaConfig } from '../src-main/model/config.ts'
import { branchModel, scoreModel } from '../src-main/model/onnx.ts'
import { createRng } from '../src-main/numeric/rng.ts'
import { exactMu } from '../src-main/rollout/exactMu.ts'
import { createWeights } from '../src-main/rollout/policy.ts'
import { openBranches, openScores } from '../src-main/rollout/readers.ts'
import { readCompletionPlane, sequenceFeeds } from '../src-main/rollout/sequences.ts'

const config: LlamaConfig = {
  architecture: 'qwen3',
  vocabSize: 151_936,
  hiddenSize: 64,
  intermediateSize: 128,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headDim: 32,
  ropeTheta: 10_000,
  rmsEps: 1e-6,
  maxPositions: 4096,
}
/** 100 answers of two words, each with its end. */
const answers = {
  token: Int32Array.from({ length: 300 }, (_, node) => [100 + node, 7000 + node, 2][node % 3]!),
  parent: Int32Array.from({ length: 300 }, (_, node) => (node % 3 === 0 ? -1 : node - 1)),
  terminal: Uint8Array.from({ length: 300 }, (_, node) => Number(node % 3 === 2)),
  strings: 100,
}

async function measure(what: string): Promise<void> {
  const engine = openEngine()
  const parameters = createWeights(engine, config, initialWeights(config, 3))
  const rng = createRng(5)
  const tokens = (count: number): Int32Array => Int32Array.from({ length: count }, () => rng.int(config.vocabSize))
  const sequence = { prompt: tokens(48), completion: tokens(2000) }
  const trace = { ...sequence, cuts: Array.from({ length: 4 }, (_, at) => 500 * (at + 1)), answers }
  globalThis.gc?.()
  const before = memoryUsage().rss
  const began = performance.now()
  let values: ArrayLike<number>
  if (what === 'score one') {
    const session = await engine.createSession(scoreModel(config), { parameters })
    const batch = { members: [0], width: 2047 }
    values = readCompletionPlane((await session.run(sequenceFeeds(batch, [sequence], config.vocabSize), ['logps'])).logps!, batch, [
      sequence,
    ])[0]!
  } else if (what === 'score parts') values = (await (await openScores(engine, config, parameters)).score([sequence]))[0]!
  else if (what === 'branches one') {
    const session = await engine.createSession(branchModel(config), { parameters })
    values = (await exactMu([trace], [3], (feeds) => session.run(feeds))).J[0]!.map(Math.log)
  } else {
    const branches = await openBranches(engine, config, parameters)
    values = (await exactMu([trace], [3], (feeds, read) => branches.run(feeds, read))).J[0]!.map(Math.log)
  }
  const ms = performance.now() - began
  console.log(JSON.stringify({ ms, before, peak: engine.peakResidentBytes, values: Array.from(values) }))
  engine.dispose()
}

const [, , what] = process.argv
if (what !== undefined) await measure(what)
else {
  type Result = { readonly ms: number; readonly before: number; readonly peak: number; readonly values: readonly number[] }
  const of = (name: string): Result =>
    JSON.parse(execFileSync(process.execPath, ['--expose-gc', import.meta.filename, name], { encoding: 'utf8', maxBuffer: 1e8 })) as Result
  for (const kind of ['score', 'branches']) {
    const [one, parts] = [of(`${kind} one`), of(`${kind} parts`)]
    const difference = Math.max(...one.values.map((value, at) => Math.abs(value - parts.values[at]!)))
    for (const [name, { ms, before, peak }] of Object.entries({ 'one graph': one, 'in parts': parts }))
      console.log(`${kind}, ${name}: ${((peak - before) / 1e6).toFixed(0)} MB above the weights, ${(ms / 1000).toFixed(1)} s`)
    console.log(`${kind}: largest difference of log-probs ${difference.toExponential(1)}`)
  }
}
