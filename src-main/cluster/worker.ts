// A worker: a process without a workspace that is given a model, then weights, then shares to decode and batches of cuts to measure. It answers
// every frame with one frame, in order, and deals in token ids alone: what a task is, what an episode is and what is right stays with the head.
import { createHash } from 'node:crypto'
import { cpus, hostname } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import type { GenerateOptions } from '../engine/decoder.ts'
import { openEngine, type Engine } from '../engine/engine.ts'
import type { ParameterSet } from '../engine/parameters.ts'
import { adapterSpecs, parameterSpecs, type LlamaConfig } from '../model/config.ts'
import { layOutBranch } from '../rollout/answerBranches.ts'
import { measureBatch, type Job } from '../rollout/exactMu.ts'
import { fixedFor } from '../rollout/openDecoder.ts'
import { openPolicy, type Policy } from '../rollout/policy.ts'
import type { Generates } from '../rollout/shares.ts'
import type { AnswerTrie } from '../tasks/types.ts'
import { floatsOf, pack, readFrames, unpack, writeFrame, type Frame, type Header } from './frames.ts'

/** What a worker is opened for. */
export interface WorkerModel {
  readonly config: LlamaConfig
  /** Rows decoded at once: those of the head, since they decide what is decoded together. */
  readonly rows: number
  readonly maxLength: number
  readonly temperature: number
  readonly threads: number
}

/** A batch of cuts as it travels: every trace with its accepted answers. */
export interface SentBatch {
  readonly suffix: readonly number[]
  readonly jobs: readonly {
    readonly prompt: Int32Array
    readonly completion: Int32Array
    readonly cuts: readonly number[]
    readonly length: number
    readonly answers: AnswerTrie
  }[]
}

export const sendable = (batch: readonly Job[], suffix: readonly number[]): SentBatch => ({
  suffix,
  jobs: batch.map(({ trace, cuts, length }) => ({
    prompt: Int32Array.from(trace.prompt),
    completion: Int32Array.from(trace.completion),
    cuts,
    length,
    answers: trace.answers,
  })),
})

const FINGERPRINT = { rows: 3, tokens: 8 }
/** Tokens that a fingerprint is made of. */
export const FINGERPRINT_TOKENS = FINGERPRINT.rows * FINGERPRINT.tokens

/**
 * What these weights say here, in a few bytes: the log-probs of a few tokens that are decoded from a fixed prompt. Another processor, another number
 * of threads or other weights give another one, so a worker whose fingerprint is the head's computes the head's bits.
 */
export async function fingerprint(decoder: Generates & { readonly vocabulary: number; readonly maxLength: number }): Promise<string> {
  const length = Math.max(1, Math.min(16, decoder.maxLength - FINGERPRINT.tokens - 1))
  const source = Int32Array.from({ length }, (_, index) => (7 * index + 3) % decoder.vocabulary)
  const drawn = await decoder.generate({
    sources: [source],
    requests: Array.from({ length: FINGERPRINT.rows }, (_, row) => ({
      source: 0,
      seed: row + 1,
      maxNewTokens: FINGERPRINT.tokens,
      stopTokens: [],
      temperature: 1,
      topK: 0,
      topP: 1,
      minP: 0,
    })),
  })
  const hash = createHash('sha256')
  for (const { tokens, logps } of drawn)
    for (const each of [tokens, logps]) hash.update(Buffer.from(each.buffer, each.byteOffset, each.byteLength))
  return hash.digest('hex').slice(0, 16)
}

interface Opened {
  readonly config: LlamaConfig
  readonly engine: Engine
  readonly parameters: ParameterSet
  readonly openPolicy: () => Promise<Policy>
  /** Opened anew with every weight: of a model with adapters it has a copy of what lies beneath them. */
  policy: Policy
}

/** Serves the frames of `input` until it ends. */
export async function serveWorker(input: Readable, output: Writable): Promise<void> {
  let opened: Opened | null = null
  const ready = (): Opened => {
    if (opened === null) throw new Error('a worker that was given a model first')
    return opened
  }
  const verbs: Record<string, (frame: Frame) => Promise<{ readonly header: Header; readonly body?: Buffer }>> = {
    async open({ body }) {
      const { config, rows, maxLength, temperature, threads } = unpack(body) as WorkerModel
      const engine = openEngine({ threads })
      const parameters = engine.createParameters(parameterSpecs(config))
      const open = (): Promise<Policy> => openPolicy(engine, config, parameters, { rows, maxLength, temperature, weights: 'train' })
      opened = { config, engine, parameters, openPolicy: open, policy: await open() }
      const about = {
        pid: process.pid,
        host: hostname(),
        cpu: cpus()[0]?.model.trim() ?? '',
        threads: engine.threads,
        engine: engine.version,
      }
      return { header: { kind: 'opened', ...about } }
    },
    async weights({ header: { part }, body }) {
      const worker = ready()
      const { config, parameters } = worker
      const values = floatsOf(body)
      if (part === 'all') {
        const { names, relaid } = fixedFor(config, { weights: 'train' })
        const copied = names.length > 0 && !relaid
        if (copied) worker.policy.dispose()
        parameters.load(values)
        if (copied) worker.policy = await worker.openPolicy()
      } else {
        let at = 0
        for (const { name, dims } of adapterSpecs(config)) parameters.set(name, values.slice(at, (at += dims.reduce((a, b) => a * b, 1))))
      }
      return { header: { kind: 'loaded', fingerprint: await fingerprint(worker.policy.decoder) } }
    },
    async share({ body }) {
      const { policy } = ready()
      const { sources, requests } = unpack(body) as Pick<GenerateOptions, 'sources' | 'requests'>
      return { header: { kind: 'done' }, body: pack(await policy.decoder.generate({ sources, requests })) }
    },
    async batch({ body }) {
      const { policy } = ready()
      const { suffix, jobs } = unpack(body) as SentBatch
      const batch = jobs.map(({ prompt, completion, cuts, length, answers }): Job => ({
        trace: { prompt, completion, cuts, answers },
        branch: layOutBranch(answers, suffix),
        cuts,
        length,
      }))
      return { header: { kind: 'done' }, body: pack(await measureBatch(batch, policy.branches.run)) }
    },
  }
  for await (const frame of readFrames(input)) {
    const began = performance.now()
    try {
      const verb = verbs[frame.header.kind]
      if (verb === undefined) throw new Error(`a verb that a worker knows, found ${frame.header.kind}`)
      const { header, body } = await verb(frame)
      await writeFrame(output, { ...header, ms: performance.now() - began }, body)
    } catch (error) {
      await writeFrame(output, { kind: 'failed', message: String(error) })
    }
  }
  const last = opened as Opened | null
  last?.engine.dispose()
}
