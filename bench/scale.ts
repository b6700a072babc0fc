// How far a run over Ray goes, by simulation: `node bench/scale.ts` prints the figures of docs/scale.md, `node bench/scale.ts --measure` measures the
// constants of a machine that they rest on. 8, 64 and 512 workers, a model of 1.5 billion parameters, thoughts of up to 16,384 tokens. Shares are dealt
// as src-main/cluster does it: the largest by what it may come to goes first to whoever is free; how long it then takes nobody knows before.
import { openEngine } from '../src-main/engine/engine.ts'
import { GraphBuilder } from '../src-main/graph/builder.ts'
import { toOnnx } from '../src-main/graph/onnx.ts'
import { withAdapters } from '../src-main/model/adapters.ts'
import { adapterSpecs, forwardFlopsPerToken, parameterCount, trainFlopsPerToken, type LlamaConfig } from '../src-main/model/config.ts'
import { createRng } from '../src-main/numeric/rng.ts'
import { median } from '../src-main/numeric/stats.ts'
import { rowsFor } from '../src-main/rollout/policy.ts'
import { pack } from '../src-main/cluster/frames.ts'

/** The shape of Qwen2.5-1.5B. */
const MODEL: LlamaConfig = {
  architecture: 'llama',
  vocabSize: 151_936,
  hiddenSize: 1536,
  intermediateSize: 8960,
  layers: 28,
  heads: 12,
  kvHeads: 2,
  headDim: 128,
  ropeTheta: 1_000_000,
  rmsEps: 1e-6,
  maxPositions: 32_768,
}
const LONGEST = 16_384
const PROMPTS = 128
const GROUP = 8
/** Lengths of thoughts: lognormal about this median, cut off at the longest. */
const LENGTHS = { median: 5000, sigma: 0.6 }
const RANK = 16
/** Boundaries of a thought at which J is measured, and tokens of a branch. */
const MU = { cuts: 24, branchTokens: 40 }

export interface Constants {
  readonly said: string
  /** Bytes a second that one thread reads from memory in a product of a row and a matrix. */
  readonly readBytes: number
  /** Floating-point operations a second of one thread in a large product. */
  readonly gemm: number
  /** Bytes a second between two nodes: that of the network, not measured here. */
  readonly network: number
  /** Bytes of a drawn token on its way to the head. */
  readonly tokenBytes: number
}

/** Bytes of a completion as it travels, for each of its tokens. */
export function tokenBytes(): number {
  const length = 4096
  const random = createRng(1)
  const some = (): Float32Array => Float32Array.from({ length }, () => -random.float())
  const completion = {
    tokens: new Int32Array(length),
    logps: some(),
    samplingLogps: some(),
    sampled: new Uint8Array(length),
    finish: 'stop',
  }
  return pack([completion]).length / length
}

interface Step {
  readonly workers: number
  readonly shares: number
  /** Seconds of drawing: from the first share to the last. */
  readonly sample: number
  /** Busy share of workers meanwhile. */
  readonly busy: number
  readonly mu: number
  readonly tokens: number
}

/** One step. @param sharesPerWorker shares that are cut for each worker, at most a prompt each */
export function simulate(workers: number, { readBytes, gemm }: Constants, sharesPerWorker: number): Step {
  const rng = createRng(7)
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - rng.float())) * Math.cos(2 * Math.PI * rng.float())
  const lengths = Array.from({ length: PROMPTS * GROUP }, () =>
    Math.min(LONGEST, Math.round(LENGTHS.median * Math.exp(LENGTHS.sigma * normal()))),
  )
  const tokens = lengths.reduce((sum, each) => sum + each, 0)
  const shares = Math.min(PROMPTS, workers * sharesPerWorker)
  const members = Array.from({ length: shares }, (_, share) =>
    lengths.slice(Math.floor((share * PROMPTS) / shares) * GROUP, Math.floor(((share + 1) * PROMPTS) / shares) * GROUP),
  )
  const rows = rowsFor(MODEL, LONGEST)
  const free = new Float64Array(workers)
  let busy = 0
  for (const share of members) {
    const worker = free.indexOf(Math.min(...free))
    const time = decodeSeconds(share, rows, readBytes)
    free[worker]! += time
    busy += time
  }
  const sample = Math.max(...free)
  const forwarded = tokens + lengths.length * MU.cuts * MU.branchTokens
  return {
    workers,
    shares,
    sample,
    busy: busy / (sample * workers),
    mu: (forwarded * forwardFlopsPerToken(MODEL, LENGTHS.median / 2)) / (gemm * workers),
    tokens,
  }
}

/** A step of a decoder reads the weights once and the cache of every row; a row that is done takes the next rollout. */
function decodeSeconds(lengths: readonly number[], rows: number, readBytes: number): number {
  const weights = 4 * parameterCount(MODEL)
  const perPosition = 2 * 4 * MODEL.layers * MODEL.kvHeads * MODEL.headDim
  const waiting = [...lengths]
  const at: { left: number; position: number }[] = []
  const TICK = 128
  let bytes = 0
  for (;;) {
    while (at.length < rows && waiting.length > 0) at.push({ left: waiting.shift()!, position: 0 })
    if (at.length === 0) return bytes / readBytes
    const ticks = Math.min(TICK, ...at.map(({ left }) => left))
    bytes += ticks * (weights + perPosition * at.reduce((sum, { position }) => sum + position + ticks / 2, 0))
    for (const row of at) {
      row.left -= ticks
      row.position += ticks
    }
    for (let row = at.length - 1; row >= 0; row--) if (at[row]!.left <= 0) at.splice(row, 1)
  }
}

const hours = (seconds: number): string =>
  seconds < 120 ? `${seconds.toFixed(1)} s` : seconds < 7200 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`
const size = (bytes: number): string => (bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`)

/** The figures as the page has them. */
export function scaleText(constants: Constants): string {
  const { said, network, tokenBytes: perToken, gemm, readBytes } = constants
  const lora = withAdapters(MODEL, { rank: RANK, alpha: 32, targets: ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] })
  const adapters = 4 * adapterSpecs(lora).reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0)
  const full = 4 * parameterCount(MODEL)
  const runs = [1, 8, 64, 512].map((workers) => ({ coarse: simulate(workers, constants, 1), fine: simulate(workers, constants, 8) }))
  const one = runs[0]!.fine
  const train = one.tokens * trainFlopsPerToken(MODEL, LENGTHS.median / 2)
  /** By a tree of copies, each node handing on what it has. */
  const spread = (bytes: number, workers: number): number => (bytes / network) * Math.ceil(Math.log2(workers + 1))
  return [
    `Constants: ${said}; one thread reads ${(readBytes / 1e9).toFixed(1)} GB/s in a product of a row and a matrix and reaches ${(gemm / 1e9).toFixed(0)} GFLOP/s in a large one; ${perToken.toFixed(1)} bytes for a drawn token on its way. The network's ${(network / 1e9).toFixed(2)} GB/s are assumed (10 Gbit/s).`,
    '',
    `A step: ${PROMPTS} problems, ${GROUP} rollouts each, ${one.tokens.toLocaleString('en-US')} tokens drawn (lognormal about ${LENGTHS.median}, at most ${LONGEST}), ${MU.cuts} cuts of each for J; ${rowsFor(MODEL, LONGEST)} rows at once. Weights ${size(full)}; adapters of rank ${RANK} ${size(adapters)}; rollouts to the head ${size(one.tokens * perToken)}.`,
    '',
    '| workers, one core each | shares of one a worker: drawing | busy | shares of eight a worker: drawing | busy | J | all weights out | adapters out | drawing and J against one worker |',
    '|---|---|---|---|---|---|---|---|---|',
    ...runs.map(
      ({ coarse, fine }) =>
        `| ${fine.workers} | ${hours(coarse.sample)} | ${coarse.busy.toFixed(2)} | ${hours(fine.sample)} | ${fine.busy.toFixed(2)} | ${hours(fine.mu)} | ${hours(spread(full, fine.workers))} | ${hours(spread(adapters, fine.workers))} | ${((one.sample + one.mu) / (fine.sample + fine.mu)).toFixed(0)} x |`,
    ),
    '',
    `The head trains these tokens in ${hours(train / gemm)} with one thread, ${hours(train / (32 * gemm))} with 32, were they to scale: with so many threads a step is bound by it from about ${Math.ceil((one.sample + one.mu) / (train / (32 * gemm)))} workers on. Adapters spare its optimizer and the wire, not this arithmetic.`,
  ].join('\n')
}

/** As measured by `--measure` on the machine that `said` names. */
export const CONSTANTS: Constants = {
  said: 'measured by `node bench/scale.ts --measure` on 2026-11-28, one of 2 cores of an AMD EPYC (AVX-512), the best readings, others at work (load 18; the same machine idle reaches 228 GFLOP/s a thread, docs/benchmarks.md)',
  readBytes: 15.5e9,
  gemm: 93e9,
  network: 1.25e9,
  tokenBytes: tokenBytes(),
}

if (process.argv[1] === import.meta.filename) console.log(process.argv.includes('--measure') ? await measured() : scaleText(CONSTANTS))

/** The best of several readings: others may be at work on the machine. */
async function measured(): Promise<string> {
  const engine = openEngine({ threads: 1 })
  const time = async (rows: number, inner: number, columns: number, repeats: number): Promise<{ best: number; middle: number }> => {
    const g = new GraphBuilder('product')
    const [a, b] = [g.input('a', 'float32', [rows, inner]), g.input('b', 'float32', [columns, inner])]
    g.output('row', g.slice(g.gemm(a, b, null, { transB: true }), 0, 0, 1))
    const parameters = engine.createParameters([
      { name: 'a', dims: [rows, inner], decay: false },
      { name: 'b', dims: [columns, inner], decay: false },
    ])
    // Written to, or all of it would be one page of zeros.
    for (const { name, dims } of parameters.specs) parameters.set(name, new Float32Array(dims[0]! * dims[1]!).fill(0.5))
    const session = await engine.createSession(toOnnx(g.build()), { parameters })
    const readings: number[] = []
    for (let i = 0; i < repeats; i++) {
      const began = performance.now()
      await session.run({})
      readings.push((performance.now() - began) / 1000)
    }
    session.dispose()
    parameters.dispose()
    return { best: Math.min(...readings), middle: median(readings) }
  }
  const read = await time(1, 4096, 16_384, 40)
  const gemm = await time(512, 1024, 1024, 80)
  engine.dispose()
  const bytes = 4 * 4096 * 16_384
  const flops = 2 * 512 * 1024 * 1024
  return JSON.stringify({
    readBytes: { best: bytes / read.best, median: bytes / read.middle },
    gemm: { best: flops / gemm.best, median: flops / gemm.middle },
    tokenBytes: tokenBytes(),
  })
}
