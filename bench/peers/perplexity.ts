// Perplexity of a fixed text, the licence of this repository, by the engine here and by transformers on the same GGUF file, both in fp32:
//   node bench/peers/perplexity.ts MODEL.gguf [tokens]
// Ends with an error where a log-prob differs by more than 1e-4 nats. PEER_PYTHON names a Python that has what requirements.txt names; without it one is made.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { openEngine } from '../../src-main/engine/engine.ts'
import { ggufWeights, readGgufModel } from '../../src-main/model/ggufModel.ts'
import { withPositions } from '../../src-main/model/llama.ts'
import { openGgufTokenizer } from '../../src-main/model/tokenizers/gguf.ts'
import { loadWeights } from '../../src-main/rollout/policy.ts'
import { openScores } from '../../src-main/rollout/readers.ts'
import { peerPython } from './python.ts'

const LARGEST_DIFFERENCE = 1e-4

const [, , given, count = '512'] = process.argv
if (given === undefined) throw new Error('name the GGUF file of a model')
const file = resolve(given)
const { config, metadata } = await readGgufModel(file)
const text = readFileSync(join(import.meta.dirname, '..', '..', 'LICENSE'), 'utf8')
const ids = [...openGgufTokenizer(metadata, basename(file)).encode(text)].slice(0, Number(count))

const engine = openEngine()
const parameters = await loadWeights(engine, config, ggufWeights(file))
const scores = await openScores(engine, withPositions(config, ids.length), parameters)
const [ours] = await scores.score([{ prompt: ids.slice(0, 1), completion: ids.slice(1) }])
scores.dispose()
engine.dispose()

const { stdout, status } = spawnSync(
  process.env.PEER_PYTHON ?? peerPython(),
  [join(import.meta.dirname, 'perplexity.py'), dirname(file), basename(file)],
  {
    input: JSON.stringify(ids),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, HF_HUB_OFFLINE: '1' },
    maxBuffer: 1e8,
  },
)
if (status !== 0) throw new Error(`transformers ended with ${status}`)
const theirs = JSON.parse(stdout.trim().split('\n').at(-1)!) as number[]

const perplexity = (logps: ArrayLike<number>): number => Math.exp(-Array.from(logps).reduce((sum, logp) => sum + logp, 0) / logps.length)
const difference = Math.max(...theirs.map((logp, at) => Math.abs(logp - ours![at]!)))
console.log(`${ids.length} tokens: perplexity ${perplexity(ours!).toFixed(4)} here, ${perplexity(theirs).toFixed(4)} by transformers`)
console.log(`largest difference of a log-prob: ${difference.toExponential(1)} nats (limit ${LARGEST_DIFFERENCE.toExponential(0)})`)
if (!(difference <= LARGEST_DIFFERENCE)) process.exitCode = 1
