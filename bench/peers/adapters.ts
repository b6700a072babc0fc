// Are our adapters those of PEFT? Random adapters on small models of every family: written by us and read by PEFT, merged by us and read by
// transformers, written by PEFT and read by us; log-probs compared each time.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEngine } from '../../src-main/engine/engine.ts'
import type { Engine } from '../../src-main/engine/engine.ts'
import { mergedWeights, readPeft, withAdapters, writePeft } from '../../src-main/model/adapters.ts'
import { adapterSpecs, initialAdapters } from '../../src-main/model/config.ts'
import type { LlamaConfig } from '../../src-main/model/config.ts'
import { huggingFaceWeights, readHuggingFace, writeHuggingFace } from '../../src-main/model/huggingFace.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { createWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import type { Check, Question } from '../question.ts'
import { peerPython } from './python.ts'

const FAMILIES = ['llama', 'llama-bias', 'llama3', 'qwen2', 'qwen3'] as const
const MODELS = join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'families')
const TOKENS = 40
const LIMIT = 1e-4

export const question: Question = {
  title: 'adapters: against PEFT and transformers',
  async ask() {
    const engine = openEngine()
    const checks: Check[] = []
    for (const family of FAMILIES) checks.push(...(await checkFamily(engine, family)))
    engine.dispose()
    return { checks, figures: [], ratios: [] }
  },
}

interface Answers {
  readonly versions: Readonly<Record<string, string>>
  readonly base: readonly number[]
  readonly ours: readonly number[]
  readonly merged: readonly number[]
  readonly unloaded: readonly number[]
  readonly theirs: readonly number[]
  readonly bounds: Readonly<Record<string, readonly [number, number, number]>>
}

async function checkFamily(engine: Engine, family: string): Promise<Check[]> {
  const base = join(MODELS, family)
  const model = await readHuggingFace(base)
  const weights = new Map<string, Float32Array>()
  for await (const [name, values] of huggingFaceWeights(base, model)) weights.set(name, values)
  const folder = mkdtempSync(join(tmpdir(), 'mrt-adapters-'))
  try {
    const rng = createRng(9)
    const config = withAdapters(model.config, { rank: 4, alpha: 6 })
    const adapters = initialAdapters(config, 9)
    for (const { name, dims } of adapterSpecs(config))
      if (name.includes('lora_B'))
        adapters.set(
          name,
          Float32Array.from({ length: dims[0]! * dims[1]! }, () => 0.3 * rng.gaussian()),
        )
    const all = new Map([...weights, ...adapters])
    const tokens = Int32Array.from({ length: TOKENS }, () => rng.int(config.vocabSize))
    writeFileSync(join(folder, 'tokens.json'), JSON.stringify([...tokens]))
    await writePeft(join(folder, 'peft'), config, adapters, family)
    mkdirSync(join(folder, 'merged'))
    await writeHuggingFace(join(folder, 'merged'), model.config, mergedWeights(config, all))
    const { status } = spawnSync(peerPython(), [join(import.meta.dirname, 'adapters.py'), folder, base], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, HF_HUB_OFFLINE: '1' },
    })
    if (status !== 0) throw new Error(`PEFT did not read the adapters of ${family}`)
    const answers = JSON.parse(readFileSync(join(folder, 'answers.json'), 'utf8')) as Answers
    console.log(
      `${family}: ${Object.entries(answers.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}; the adapters move log-probs by up to ${furthest(answers.ours, answers.base).toFixed(2)}`,
    )

    const ours = await logpsOf(engine, config, all, tokens)
    const read = await readPeft(join(folder, 'theirs'), model.config)
    const theirs = await logpsOf(engine, read.config, new Map([...weights, ...read.adapters]), tokens)
    return [
      { what: `${family}: log-probs with our adapters, here and in PEFT`, difference: furthest(ours, answers.ours), limit: LIMIT },
      { what: `${family}: our merged model in transformers`, difference: furthest(ours, answers.merged), limit: LIMIT },
      { what: `${family}: our adapters merged by PEFT`, difference: furthest(ours, answers.unloaded), limit: LIMIT },
      { what: `${family}: log-probs with adapters of PEFT, here and there`, difference: furthest(theirs, answers.theirs), limit: LIMIT },
      {
        what: `${family}: PEFT's first factor beyond 1 / sqrt(in)`,
        difference: Math.max(...Object.values(answers.bounds).map(([low, high, into]) => Math.max(high, -low) * Math.sqrt(into) - 1)),
        limit: 1e-6,
      },
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function logpsOf(
  engine: Engine,
  config: LlamaConfig,
  weights: ReadonlyMap<string, Float32Array>,
  tokens: Int32Array,
): Promise<Float32Array> {
  const parameters = createWeights(engine, config, weights)
  const policy = await openPolicy(engine, config, parameters, { rows: 1, maxLength: TOKENS })
  const [logps] = await policy.score([{ prompt: tokens.slice(0, 1), completion: tokens.slice(1) }])
  policy.dispose()
  parameters.dispose()
  return logps!
}

const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)))
