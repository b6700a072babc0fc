// Is it as right and as fast as PyTorch? The same Llama, the same batch and the same loss in eager PyTorch and in transformers: values and
// every gradient compared, then a training step and a cached generation loop timed in turn, ours and theirs, in the same run. Beside them llama.cpp in
// single precision and in Q8_0, the decode graph driven from JavaScript, a whole iteration of TRL's trainer, and math-verify beside our grader. A peer
// that cannot be had here is named with the reason.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Completion } from '../../src-main/engine/decoder.ts'
import { openEngine } from '../../src-main/engine/engine.ts'
import type { Engine } from '../../src-main/engine/engine.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'
import { openLearner } from '../../src-main/lab/training/learner.ts'
import { parameterSpecs } from '../../src-main/model/config.ts'
import { trainGraph } from '../../src-main/model/llama.ts'
import { writeSafetensors } from '../../src-main/model/safetensors.ts'
import type { TensorData } from '../../src-main/model/safetensors.ts'
import { lossGraph } from '../../src-main/rl/loss.ts'
import { openDecoder } from '../../src-main/rollout/openDecoder.ts'
import { createWeights } from '../../src-main/rollout/policy.ts'
import { openJsDecoder } from '../jsDecoder.ts'
import { benchWeights, startWeights } from '../models.ts'
import type { Weights } from '../models.ts'
import { clock, distance, figure, gain } from '../question.ts'
import type { Answer, Check, Question } from '../question.ts'
import { LOSS, OPTIMIZER, batchFeeds, randomSequences } from '../train.ts'
import { prompts, write } from '../writing.ts'
import { askGraders } from './graders.ts'
import { openLlama } from './llamaCpp.ts'
import { openPeer } from './python.ts'
import { askTrl } from './trl.ts'
import type { Peer } from './python.ts'

const SEQUENCES = 32
const ROWS = 64
const POSITIONS = 256
const PEERS = { plain: 'PyTorch', hugging: 'transformers', compiled: 'torch.compile' } as const
/** Rows whose log-probs llama.cpp is asked for. */
const SCORED = 4
/** How far log-probs of llama.cpp in single precision may be from ours for it to be timed. */
const LLAMA_LIMIT = 1e-3

type PeerName = keyof typeof PEERS

export const question: Question = {
  title: 'peers: against PyTorch, transformers, torch.compile, llama.cpp, onnxruntime-node, TRL and math-verify, on the CPU',
  async ask({ start }) {
    const answers = [await askAbout('large model', benchWeights()), await askAbout('starter model', await startWeights(start))]
    for (const [name, ask] of [
      ['TRL', () => askTrl(start)],
      ['math-verify', askGraders],
    ] as const) {
      const answer = await orWhyNot(name, ask)
      if (answer !== null) answers.push(answer)
    }
    console.log(`load at the end ${loadavg()[0]!.toFixed(1)}`)
    return {
      checks: answers.flatMap(({ checks }) => checks),
      figures: answers.flatMap(({ figures }) => figures),
      ratios: answers.flatMap(({ ratios }) => ratios),
    }
  },
}

/** What a peer gave, or null, said aloud, where it cannot be had on this machine. */
async function orWhyNot<T>(name: string, ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask()
  } catch (error) {
    console.log(`NOT COMPARED with ${name}: ${(error as Error).message}`)
    return null
  }
}

async function askAbout(model: string, weights: Weights): Promise<Answer> {
  const engine = openEngine()
  const folder = mkdtempSync(join(tmpdir(), 'mrt-peers-'))
  let peer: Peer | null = null
  try {
    const ours = await openOurs(engine, weights, folder)
    peer = openPeer('peer.py', [folder], engine.threads)
    const about = await peer.ask({ do: 'about' })
    console.log(`PyTorch ${about.torch} (${about.capability}), transformers ${about.transformers}, ${about.threads} threads`)
    const checks: Check[] = []
    const names: PeerName[] = []
    for (const name of Object.keys(PEERS) as PeerName[]) {
      const asked = peer
      const found = await orWhyNot(PEERS[name], () => check(asked, model, name))
      if (found !== null) names.push(name)
      checks.push(...(found ?? []))
    }
    const training = await trainingOf(model, peer, ours, names)
    const others = await openOthers(model, peer, weights, ours, engine.threads, checks)
    const many = await generating(model, peer, ours, others, ROWS)
    const one = await generating(model, peer, ours, others, 1)
    await others.close()
    return {
      checks,
      figures: [...training.figures, ...many.figures, ...one.figures],
      ratios: [...training.ratios, ...many.ratios, ...one.ratios],
    }
  } finally {
    peer?.close()
    engine.dispose()
    rmSync(folder, { recursive: true })
  }
}

interface Ours {
  train(): Promise<unknown>
  generate(rows: number): Promise<unknown>
  readonly drawn: readonly Completion[]
}

/** Opens our side and writes what the peers need: weights, batch, and our loss, log-probs and gradients. */
async function openOurs(engine: Engine, { config, tensors }: Weights, folder: string): Promise<Ours> {
  const parameters = createWeights(engine, config, tensors)
  const sequences = randomSequences(config, SEQUENCES)
  const members = sequences.map((_, index) => index)
  const feeds = batchFeeds(sequences, members)

  const graph = trainGraph(config, (g, values) => lossGraph(g, values, LOSS), { oldLogps: true, refLogps: false })
  const trainer = await engine.createTrainer({ onnx: toOnnx(graph), parameters })
  const { outputs } = await trainer.step({ microbatches: [feeds], outputs: ['loss', 'logps'], apply: false })
  const gradients = trainer.gradients()
  trainer.dispose()

  // As a run that trains opens it.
  const decoder = await openDecoder(engine, config, parameters, { rows: ROWS, maxLength: POSITIONS, weights: 'train' })
  const generate = (rows: number) => write(decoder, rows, POSITIONS)
  const drawn = await generate(ROWS)
  const steps = drawn[0]!.tokens.length

  const specs = parameterSpecs(config)
  const whole = (values: ArrayLike<number>): BigInt64Array => BigInt64Array.from(Array.from(values, BigInt))
  const { dims } = feeds.tokens!
  await writeSafetensors(
    join(folder, 'weights.safetensors'),
    new Map(specs.map(({ name, dims: shape }): [string, TensorData] => [name, { dims: shape, data: tensors.get(name)! }])),
  )
  await writeSafetensors(
    join(folder, 'batch.safetensors'),
    new Map<string, TensorData>([
      ...(['tokens', 'targets'] as const).map((name): [string, TensorData] => [
        name,
        { dims, data: whole(feeds[name]!.data as Int32Array) },
      ]),
      ...(['advantages', 'weights', 'old_logps'] as const).map((name): [string, TensorData] => [
        name,
        { dims, data: feeds[name]!.data as Float32Array },
      ]),
      ['prompts', { dims: [ROWS, 2], data: whole(prompts(ROWS).flatMap((prompt) => [...prompt])) }],
      ['drawn', { dims: [ROWS, steps], data: whole(drawn.flatMap(({ tokens }) => [...tokens])) }],
    ]),
  )
  await writeSafetensors(
    join(folder, 'ours.safetensors'),
    new Map<string, TensorData>([
      ['loss', { dims: [], data: outputs[0]!.loss!.data as Float32Array }],
      ['logps', { dims, data: outputs[0]!.logps!.data as Float32Array }],
      ['drawn_logps', { dims: [ROWS, steps], data: Float32Array.from(drawn.flatMap(({ logps }) => [...logps])) }],
      ...specs.map(({ name, dims: shape }): [string, TensorData] => [`grad/${name}`, { dims: shape, data: gradients[name]! }]),
    ]),
  )
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ model: config, loss: LOSS, optimizer: OPTIMIZER, threads: engine.threads }))

  const learner = await openLearner(engine, config, createWeights(engine, config, tensors), LOSS, 4096)
  return { generate, train: () => learner.step(sequences, OPTIMIZER), drawn }
}

interface Others {
  readonly contestants: Readonly<Record<string, (rows: number) => Promise<number>>>
  close(): Promise<void>
}

/** llama.cpp, which draws for itself, and the graph driven from JavaScript, which is fed what was drawn here. */
async function openOthers(model: string, peer: Peer, weights: Weights, { drawn }: Ours, threads: number, checks: Check[]): Promise<Others> {
  const contestants: Record<string, (rows: number) => Promise<number>> = {}
  const steps = drawn[0]!.tokens.length
  const js = await openJsDecoder(weights, threads)
  contestants['onnxruntime-node from JavaScript'] = async (rows) => {
    js.reset(rows, POSITIONS, 'growing')
    return clock(async () => {
      await js.feed(Int32Array.from(prompts(rows).flatMap((prompt) => [...prompt])))
      for (let step = 0; step + 1 < steps; step++) await js.feed(Int32Array.from(drawn.slice(0, rows), ({ tokens }) => tokens[step]!))
    })
  }
  const files = await peer.ask({ do: 'gguf' })
  const lists = prompts(ROWS).map((prompt) => [...prompt])
  const llamas: Peer[] = []
  for (const kind of ['F32', 'Q8_0'] as const) {
    const name = `llama.cpp ${kind}`
    await orWhyNot(name, async () => {
      const llama = openLlama(threads)
      llamas.push(llama)
      await llama.ask({ do: 'open', path: String(files[kind]), rows: ROWS, positions: POSITIONS })
      const scored = drawn.slice(0, SCORED)
      const { logps } = (await llama.ask({ do: 'score', prompts: lists, drawn: scored.map(({ tokens }) => [...tokens]) })) as {
        readonly logps: number[][]
      }
      const difference = Math.max(...scored.map((own, row) => distance(own.logps, logps[row]!)))
      // What does not compute the same is not timed.
      if (kind === 'F32' && difference > LLAMA_LIMIT)
        throw new Error(
          `log-probs of ${SCORED * steps} drawn tokens differ from ours by up to ${difference.toFixed(3)}, more than ${LLAMA_LIMIT}`,
        )
      if (kind === 'F32')
        checks.push({ what: `${model}, ${name}: log-probs of ${SCORED * steps} drawn tokens`, difference, limit: LLAMA_LIMIT })
      else if (!Object.hasOwn(contestants, 'llama.cpp F32')) throw new Error('llama.cpp in single precision is not equal to ours')
      else
        console.log(
          `${model}, ${name}: log-probs of ${SCORED * steps} drawn tokens differ by up to ${difference.toFixed(3)} from single precision`,
        )
      contestants[name] = async (rows) => {
        const { ms, tokens } = await llama.ask({ do: 'generate', prompts: lists.slice(0, rows), tokens: steps })
        if (tokens !== rows * steps) throw new Error(`${name} drew ${String(tokens)} tokens of ${rows * steps}`)
        return Number(ms)
      }
    })
  }
  return {
    contestants,
    async close() {
      for (const llama of llamas) llama.close()
      await js.dispose()
    },
  }
}

async function check(peer: Peer, model: string, name: PeerName): Promise<Check[]> {
  const found = (await peer.ask({ do: 'check', model: name })) as Record<'loss' | 'logps' | 'gradient' | 'gradients' | 'cached', number>
  return [
    { what: `${model}, ${PEERS[name]}: loss`, difference: found.loss, limit: 1e-4 },
    { what: `${model}, ${PEERS[name]}: log-probs of a batch`, difference: found.logps, limit: 1e-4 },
    { what: `${model}, ${PEERS[name]}: worst of ${found.gradients} gradients, relative`, difference: found.gradient, limit: 1e-4 },
    // transformers rounds the angles of rotary positions to single precision, which a trained model's log-probs feel at position 250.
    { what: `${model}, ${PEERS[name]}: log-probs while generating`, difference: found.cached, limit: name === 'hugging' ? 5e-4 : 1e-4 },
  ]
}

/** Milliseconds of a request, as the peer's own clock has them. */
function timer(peer: Peer, request: Readonly<Record<string, string | number>>): () => Promise<number> {
  return async () => Number((await peer.ask(request)).ms)
}

async function trainingOf(model: string, peer: Peer, ours: Ours, names: readonly PeerName[]): Promise<Pick<Answer, 'figures' | 'ratios'>> {
  const theirs = names.map((name) => [name, timer(peer, { do: 'train', model: name })] as const)
  const times: Record<string, number[]> = await inTurn({ ours: () => clock(ours.train), ...Object.fromEntries(theirs) }, 5)
  const work = `${model}, step of 32 x 128 tokens`
  return {
    figures: [figure(`${work}: ours`, 'ms', times.ours!), ...names.map((name) => figure(`${work}: ${PEERS[name]}`, 'ms', times[name]!))],
    ratios: names.map((name) => gain(`${work}: ${PEERS[name]} over ours`, times.ours!, times[name]!, { atLeast: 1.2 })),
  }
}

async function generating(
  model: string,
  peer: Peer,
  ours: Ours,
  others: Others,
  rows: number,
): Promise<Pick<Answer, 'figures' | 'ratios'>> {
  const more = Object.entries(others.contestants)
  const times: Record<string, number[]> = await inTurn(
    {
      ours: () => clock(() => ours.generate(rows)),
      plain: timer(peer, { do: 'generate', model: 'plain', rows }),
      hugging: timer(peer, { do: 'generate', model: 'hugging', rows }),
      library: timer(peer, { do: 'library', model: 'hugging', rows }),
      ...Object.fromEntries(more.map(([name, draw]) => [name, () => draw(rows)])),
    },
    3,
  )
  const work = `${model}, ${rows} x ${POSITIONS - 1} tokens`
  return {
    figures: [
      figure(`${work}: ours`, 'ms', times.ours!),
      figure(`${work}: PyTorch, cached loop`, 'ms', times.plain!),
      figure(`${work}: transformers, cached loop`, 'ms', times.hugging!),
      figure(`${work}: transformers generate()`, 'ms', times.library!),
      ...more.map(([name]) => figure(`${work}: ${name}`, 'ms', times[name]!)),
    ],
    ratios: [
      gain(`${work}: PyTorch, cached loop, over ours`, times.ours!, times.plain!),
      gain(`${work}: transformers, cached loop, over ours`, times.ours!, times.hugging!, { atLeast: 5 }),
      gain(`${work}: transformers generate() over ours`, times.ours!, times.library!, { atLeast: 5 }),
      ...more.map(([name]) => gain(`${work}: ${name} over ours`, times.ours!, times[name]!)),
    ],
  }
}

/** As `contest`, for contestants that tell their own time. */
async function inTurn<Name extends string>(
  contestants: Readonly<Record<Name, () => Promise<number>>>,
  rounds: number,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(contestants) as Name[]
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>
  for (let round = 0; round <= rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const ms = await contestants[name]()
      if (round > 0) times[name].push(ms)
    }
  }
  return times
}
