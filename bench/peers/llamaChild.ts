// llama.cpp through node-llama-cpp, in a process of its own: answers lines of JSON. Arguments: the folder that the package was installed in, and how many
// threads it may use. Its library decodes rows together as their next tokens are asked for, which is how its own documentation has it done.
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

interface Given {
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly minP: number
  readonly seed: number
}
/** What of the package is used. */
interface Sequence {
  evaluate(tokens: readonly number[], options: Given & { readonly yieldEogToken: boolean }): AsyncGenerator<number>
  controlledEvaluate(
    input: readonly (readonly [number, { readonly generateNext: { readonly probabilities: true; readonly options: Given } }])[],
  ): Promise<({ readonly next: { readonly probabilities?: ReadonlyMap<number, number> } } | undefined)[]>
  clearHistory(): Promise<void>
}
interface Context {
  getSequence(): Sequence
}
interface Model {
  createContext(options: object): Promise<Context>
}
interface Package {
  getLlama(options: object): Promise<{ loadModel(options: object): Promise<Model> }>
}

const [folder, threads] = process.argv.slice(2) as [string, string]
const { getLlama } = (await import(pathToFileURL(join(folder, 'node_modules', 'node-llama-cpp', 'dist', 'index.js')).href)) as Package
// What the library says goes to the standard error.
const llama = await getLlama({
  gpu: false,
  build: 'never',
  skipDownload: true,
  logger: (_level: string, text: string) => process.stderr.write(text),
  logLevel: 'error',
  maxThreads: Number(threads),
})
const ROOM = 32
const PLAIN = { temperature: 1, topK: 0, topP: 1, minP: 0 }
let sequences: Sequence[] = []

const verbs: Record<string, (request: Record<string, unknown>) => Promise<object>> = {
  async open({ path, rows, positions }) {
    const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 })
    const context = await model.createContext({
      sequences: rows,
      // A full context is shifted before its last token is read: some room keeps that away.
      contextSize: Number(positions) + ROOM,
      batchSize: Math.max(64, Number(rows)),
      threads: Number(threads),
      flashAttention: false,
      experimentalKvCacheKeyType: 'F32',
      experimentalKvCacheValueType: 'F32',
    })
    sequences = Array.from({ length: Number(rows) }, () => context.getSequence())
    return {}
  },
  /** Log-probs of the drawn tokens of each row. */
  async score({ prompts, drawn }) {
    const logps: number[][] = []
    for (const [row, own] of (drawn as number[][]).entries()) {
      const prompt = (prompts as number[][])[row]!
      const sequence = sequences[row]!
      await sequence.clearHistory()
      const ids = [...prompt, ...own.slice(0, -1)]
      const found = await sequence.controlledEvaluate(
        ids.map((id) => [id, { generateNext: { probabilities: true, options: { ...PLAIN, seed: 1 } } }]),
      )
      logps.push(own.map((id, at) => Math.log(found[prompt.length - 1 + at]!.next.probabilities!.get(id) ?? 0)))
    }
    return { logps }
  },
  /** Draws so many tokens for each prompt, all at once. */
  async generate({ prompts, tokens }) {
    for (const sequence of sequences) await sequence.clearHistory()
    const began = performance.now()
    const counts = await Promise.all(
      (prompts as number[][]).map(async (prompt, row) => {
        let count = 0
        for await (const _ of sequences[row]!.evaluate(prompt, { ...PLAIN, seed: row + 1, yieldEogToken: true }))
          if (++count === tokens) break
        return count
      }),
    )
    return { ms: performance.now() - began, tokens: counts.reduce((a, b) => a + b, 0) }
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Record<string, unknown>
  process.stdout.write(`${JSON.stringify(await verbs[String(request.do)]!(request))}\n`)
}
process.exit(0)
