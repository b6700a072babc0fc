// How much of what the machine can do does decoding reach? A step has to move the weights once and the filled part of the cache of every row, and has
// to do the arithmetic of every row; it cannot be faster than the slower of the two at the machine's own speed. Both speeds are measured in the same
// rounds as the steps: bytes by copies in as many threads as decode, over as much memory as a step touches, since what fits a cache moves faster, and
// arithmetic by a large matrix product through the same runtime. A step whose attention
// reads the cache while no product runs cannot reach that: so its share is also given of the two one after the other. Equality: a row decoded alone is the row decoded among the others. Weights are read
// where they are, as of smaller models, or laid out for the products in the decoder's graph, as of these where a run trains or is evaluated; how long that takes is
// printed with it, since of weights that train it is done once a step.
import { Worker } from 'node:worker_threads'
import { openEngine } from '../src-main/engine/engine.ts'
import type { Engine } from '../src-main/engine/engine.ts'
import { fixedMatrices, forwardFlopsPerToken, parameterCount } from '../src-main/model/config.ts'
import type { LlamaConfig } from '../src-main/model/config.ts'
import { openDecoder } from '../src-main/rollout/openDecoder.ts'
import { loadWeights } from '../src-main/rollout/policy.ts'
import { BENCH_CONFIG, SMOL_CONFIG, benchWeights, randomWeights } from './models.ts'
import { clock, distance, figure, gain } from './question.ts'
import type { Answer, Question } from './question.ts'
import { openProduct } from './train.ts'
import { write } from './writing.ts'

const ROUNDS = 3
const MODELS = [
  {
    name: '4.8 M, read in place',
    config: BENCH_CONFIG,
    weights: () => benchWeights().tensors,
    rows: [1, 64],
    positions: 256,
    fixed: false,
  },
  { name: '4.8 M, laid out', config: BENCH_CONFIG, weights: () => benchWeights().tensors, rows: [1, 64], positions: 256, fixed: true },
  {
    name: '135 M, read in place',
    config: SMOL_CONFIG,
    weights: () => randomWeights(SMOL_CONFIG),
    rows: [1, 16],
    positions: 32,
    fixed: false,
  },
  { name: '135 M, laid out', config: SMOL_CONFIG, weights: () => randomWeights(SMOL_CONFIG), rows: [1, 16], positions: 32, fixed: true },
] as const

export const question: Question = {
  title: 'roofline: decoding against what the machine can move and multiply',
  async ask() {
    const engine = openEngine()
    const answers: Answer[] = []
    for (const model of MODELS) answers.push(await askAbout(engine, model))
    engine.dispose()
    return {
      checks: answers.flatMap(({ checks }) => checks),
      figures: answers.flatMap(({ figures }) => figures),
      ratios: answers.flatMap(({ ratios }) => ratios),
    }
  },
}

async function askAbout(
  engine: Engine,
  { name, config, weights, rows: counts, positions, fixed }: (typeof MODELS)[number],
): Promise<Answer> {
  const parameters = await loadWeights(engine, config, weights())
  const product = await openProduct(engine, 2048)
  const names = fixed ? fixedMatrices(config, true).names : []
  const laidOut = { names, relaid: fixed }
  const decoder = await openDecoder(engine, config, parameters, { rows: Math.max(...counts), maxLength: positions }, laidOut)
  const writeRows = (rows: number, tokens: number = positions) => write(decoder, rows, tokens)
  const answer: { checks: Answer['checks'][number][]; figures: Answer['figures'][number][]; ratios: Answer['ratios'][number][] } = {
    checks: [],
    figures: [],
    ratios: [],
  }
  const [alone, among] = [(await writeRows(counts[0]))[0]!, (await writeRows(counts[1]))[0]!]
  answer.checks.push({
    what: `${name}: tokens of a row alone and among ${counts[1]} (how many differ)`,
    difference: alone.tokens.filter((token, index) => token !== among.tokens[index]).length,
    limit: 0,
  })
  answer.checks.push({ what: `${name}: their log-probs`, difference: distance(alone.logps, among.logps), limit: 1e-4 })
  const steps = alone.tokens.length
  for (const rows of counts) {
    const work = stepOf(config, rows, steps / 2)
    const copies = await openCopies(work.bytes, engine.threads)
    const times = { step: [] as number[], memory: [] as number[], product: [] as number[] }
    for (let round = 0; round <= ROUNDS; round++) {
      const step = (await clock(() => writeRows(rows))) / steps
      const memory = await copies.bytesPerMs()
      const flops = product.flops / (await clock(product.run))
      // The first round warms up.
      if (round === 0) continue
      times.step.push(step)
      times.memory.push(memory)
      times.product.push(flops)
    }
    await copies.close()
    const [moving, multiplying] = [times.memory.map((speed) => work.bytes / speed), times.product.map((speed) => work.flops / speed)]
    const bound = moving.map((ms, round) => Math.max(ms, multiplying[round]!))
    const what = `${name}, ${rows} ${rows === 1 ? 'row' : 'rows'}`
    answer.figures.push(
      figure(`${what}: a step`, 'ms', times.step),
      figure(
        `${what}: memory moves over ${megabytes(work.bytes)} MB`,
        'GB/s',
        times.memory.map((speed) => speed / 1e6),
      ),
      figure(
        `${what}: Gemm 2048 x 2048 x 2048`,
        'GFLOP/s',
        times.product.map((speed) => speed / 1e6),
      ),
      figure(`${what}: weights and cache of a step, ${megabytes(work.bytes)} MB, at that speed`, 'ms', moving),
      figure(`${what}: arithmetic of a step, ${(work.flops / 1e9).toFixed(2)} GFLOP, at that speed`, 'ms', multiplying),
    )
    answer.ratios.push(
      gain(`${what}: share of the roofline`, times.step, bound, { atLeast: 0.7 }),
      gain(
        `${what}: the same if nothing is moved while something is multiplied`,
        times.step,
        moving.map((ms, round) => ms + multiplying[round]!),
      ),
    )
  }
  if (fixed) {
    const times: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const token = await clock(() => writeRows(1, 1))
      decoder.forget()
      times.push((await clock(() => writeRows(1, 1))) - token)
    }
    answer.figures.push(figure(`${name} anew`, 'ms', times))
  }
  decoder.dispose()
  product.dispose()
  parameters.dispose()
  return answer
}

/** Bytes that a step reads at a mean position, and its floating-point operations. */
function stepOf(config: LlamaConfig, rows: number, position: number): { readonly bytes: number; readonly flops: number } {
  const perPosition = 2 * 4 * config.layers * config.kvHeads * config.headDim
  return { bytes: 4 * parameterCount(config) + rows * position * perPosition, flops: rows * forwardFlopsPerToken(config, position) }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0)

/** Threads that copy at the same time; together they touch so many bytes, half read and half written. */
async function openCopies(bytes: number, threads: number) {
  const each = Math.floor(bytes / threads / 2)
  const workers = Array.from(
    { length: threads },
    () =>
      new Worker(
        `const { parentPort } = require('node:worker_threads')
         const [from, to] = [new Uint8Array(${each}).fill(1), new Uint8Array(${each}).fill(2)]
         parentPort.on('message', (times) => {
           for (let i = 0; i < times; i++) to.set(from)
           parentPort.postMessage(null)
         })
         parentPort.postMessage(null)`,
        { eval: true },
      ),
  )
  const all = (): Promise<unknown> => Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))))
  await all()
  // A reading of about a GB moved, so that waking threads does not count.
  const times = Math.max(1, Math.round(1e9 / (2 * each * threads)))
  return {
    /** Bytes read and written together. */
    async bytesPerMs() {
      const ms = await clock(() => {
        const done = all()
        for (const worker of workers) worker.postMessage(times)
        return done
      })
      return (2 * each * threads * times) / ms
    },
    close: () => Promise.all(workers.map((worker) => worker.terminate())),
  }
}
