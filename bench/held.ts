// What do frozen matrices in less than single precision cost? A step of adapters on 135 million parameters and sampling with them, held in each type:
// time, bytes of the weights, and, of a real model, what its own numbers lose: the perplexity of a fixed text, the licence of this repository.
// HELD_MODEL names a folder of SmolLM2-135M in the layout of Hugging Face; without one the weights are random and nothing is said of perplexity.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openEngine } from '../src-main/engine/engine.ts'
import { openLearner } from '../src-main/lab/training/learner.ts'
import { withAdapters } from '../src-main/model/adapters.ts'
import { adapterSpecs, HELD_IN, initialAdapters } from '../src-main/model/config.ts'
import { huggingFaceWeights, readHuggingFace } from '../src-main/model/huggingFace.ts'
import { openFolderTokenizer } from '../src-main/model/tokenizers/huggingFace.ts'
import { createWeights, openPolicy } from '../src-main/rollout/policy.ts'
import { randomSequences } from './lora.ts'
import { randomWeights, SMOL_CONFIG } from './models.ts'
import { contest, figure } from './question.ts'
import type { Check, Figure, Question } from './question.ts'
import { LOSS, OPTIMIZER } from './train.ts'

const TYPES = ['float32', ...HELD_IN] as const
const LENGTH = 512
const ROWS = 16
const WRITTEN = 64
const ROUNDS = 3

export const question: Question = {
  title: 'held: frozen matrices of 135 million parameters in single precision, 16 bits and 4',
  async ask() {
    const engine = openEngine()
    const folder = process.env.HELD_MODEL
    const model = folder === undefined ? null : await readHuggingFace(folder)
    const base = model?.config ?? SMOL_CONFIG
    const values = new Map<string, Float32Array>(model === null ? randomWeights(base) : [])
    if (model !== null) for await (const [name, tensor] of huggingFaceWeights(folder!, model)) values.set(name, tensor)
    const figures: Figure[] = []
    const checks: Check[] = []
    for (const type of TYPES) {
      const config = withAdapters(base, { rank: 16, alpha: 32, ...(type !== 'float32' && { held: type }) })
      const parameters = createWeights(engine, config, new Map([...values, ...initialAdapters(config, 1)]))
      const adapters = 4 * adapterSpecs(config).reduce((sum, { dims }) => sum + dims[0]! * dims[1]!, 0)
      figures.push(figure(`${type}: frozen weights`, 'MiB', [(parameters.bytes - adapters) / 2 ** 20]))
      const policy = await openPolicy(engine, config, parameters, { rows: ROWS, maxLength: 256 })
      const prompt = Int32Array.from(randomSequences(1, 128)[0]!.prompt)
      const request = { source: 0, seed: 1, maxNewTokens: WRITTEN, stopTokens: [], temperature: 1, topK: 0, topP: 1, minP: 0 }
      const generate = (rows: number) =>
        policy.decoder.generate({ sources: [prompt], requests: Array.from({ length: rows }, (_, seed) => ({ ...request, seed })) })
      const [written] = await generate(1)
      const [scored] = await policy.score([{ prompt, completion: written!.tokens }])
      checks.push({
        what: `${type}: log-probs while sampling and of the whole sequence`,
        difference: Math.max(...scored!.map((logp, at) => Math.abs(logp - written!.logps[at]!))),
        limit: 1e-4,
      })
      const { one, many } = await contest({ one: () => generate(1), many: () => generate(ROWS) }, ROUNDS)
      const speed = (rows: number, times: readonly number[]): number[] => times.map((ms) => (rows * WRITTEN * 1000) / ms)
      figures.push(figure(`${type}: sampling 1 row`, 'tokens per second', speed(1, one)))
      figures.push(figure(`${type}: sampling ${ROWS} rows`, 'tokens per second', speed(ROWS, many)))
      if (folder !== undefined) {
        const text = readFileSync(join(import.meta.dirname, '..', 'LICENSE'), 'utf8')
        const ids = (await openFolderTokenizer(folder)).encode(text)
        const [logps] = await policy.score([{ prompt: ids.slice(0, 1), completion: ids.slice(1, 240) }])
        figures.push(
          figure(`${type}: perplexity of the licence`, '', [Math.exp(-logps!.reduce((sum, logp) => sum + logp, 0) / logps!.length)]),
        )
      }
      policy.dispose()
      const learner = await openLearner(engine, config, parameters, LOSS, 4096, 1, LENGTH)
      const sequences = randomSequences(1, LENGTH)
      const { step } = await contest({ step: () => learner.step(sequences, OPTIMIZER) }, ROUNDS)
      figures.push(figure(`${type}: a step of 1 x ${LENGTH} tokens`, 'ms', step))
      learner.dispose()
      parameters.dispose()
    }
    engine.dispose()
    return { checks, figures, ratios: [] }
  },
}
