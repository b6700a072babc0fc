// What the engine does to its process and the machine: no telemetry files, no process kept alive, no crash when the process
// or a worker ends in the middle of work, memory given back.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'

const source = (path: string): string => pathToFileURL(join(import.meta.dirname, '../../src-main', path)).href

const PREAMBLE = `
  import { openEngine } from '${source('engine/engine.ts')}'
  import { tensor } from '${source('engine/tensor.ts')}'
  import { GraphBuilder } from '${source('graph/builder.ts')}'
  import { toOnnx } from '${source('graph/onnx.ts')}'
  const engine = openEngine()
  const g = new GraphBuilder('slow')
  let x = g.input('x', 'float32', ['N', 'N'])
  for (let i = 0; i < 400; i++) x = g.tanh(g.matMul(x, x))
  g.output('y', x)
  const session = await engine.createSession(toOnnx(g.build()))
  const run = (size) => session.run({ x: tensor.float32(new Float32Array(size * size), [size, size]) })
`

interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly output: string
}

/** Runs a module in a process of its own. */
function ended(module: string, home: string): Promise<Ended> {
  const env: NodeJS.ProcessEnv = { ...process.env, HOME: home, XDG_CACHE_HOME: '' }
  for (const name of ['CI', 'ORT_DISABLE_TELEMETRY', 'NODE_OPTIONS', 'VITEST']) delete env[name]
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module-typescript', '-e', module], { env })
  let output = ''
  child.stdout.on('data', (text) => {
    output += text
  })
  child.stderr.on('data', (text) => {
    output += text
  })
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, output })))
}

/** Runs a script with an engine, a session and `run` at hand, in an empty home folder; `first` goes before all that. */
async function inOwnHome(script: string, first = ''): Promise<Ended & { readonly files: string[] }> {
  const home = mkdtempSync(join(tmpdir(), 'mrt-engine-'))
  try {
    const result = await ended(first + PREAMBLE + script, home)
    return { ...result, files: readdirSync(home, { recursive: true }) as string[] }
  } finally {
    rmSync(home, { recursive: true })
  }
}

test('nothing is written to the home folder, outside CI and without any setting', async () => {
  const { code, files, output } = await inOwnHome('await run(8); engine.dispose()')
  expect({ code, files, output }).toEqual({ code: 0, files: [], output: '' })
})

test('an idle engine does not keep the process alive, nor does one that was never disposed', async () => {
  const { code, output } = await inOwnHome("await run(8); console.log('ran')")
  expect({ code, output }).toEqual({ code: 0, output: 'ran\n' })
})

test('a running graph keeps the process alive until it is done', async () => {
  const { code, output } = await inOwnHome("run(64).then(() => console.log('ran'))")
  expect({ code, output }).toEqual({ code: 0, output: 'ran\n' })
})

test('leaving in the middle of work is clean and quick', async () => {
  const { code, signal, output } = await inOwnHome('run(1024).catch(() => 0); setTimeout(() => process.exit(7), 20)')
  expect({ code, signal, output }).toEqual({ code: 7, signal: null, output: '' })
})

test('a worker may be terminated in the middle of work', async () => {
  const { code, signal, output } = await inOwnHome(`
    import { Worker } from 'node:worker_threads'
    const script = ${JSON.stringify(PREAMBLE)} + \`
      import { parentPort } from 'node:worker_threads'
      run(1024).catch(() => 0)
      parentPort.postMessage('running')
    \`
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(script)))
      await new Promise((resolve) => worker.once('message', resolve))
      await worker.terminate()
    }
    await run(8)
    console.log('still here')
  `)
  expect({ code, signal, output }).toEqual({ code: 0, signal: null, output: 'still here\n' })
})

test("an engine works in a process where onnxruntime-node's own binding came first", async () => {
  const { code, output } = await inOwnHome(
    'console.log((await run(2)).y.data.length)',
    `
    import { createRequire } from 'node:module'
    const { InferenceSession } = createRequire('${source('engine/engine.ts')}')('onnxruntime-node')
    const ended = await InferenceSession.create(new Uint8Array(3)).then(() => 'loaded', () => 'refused')
    console.log(ended)
  `,
  )
  expect({ code, output }).toEqual({ code: 0, output: 'refused\n4\n' })
})

test('what a listener throws reaches the process as an uncaught exception', async () => {
  const { code, output } = await inOwnHome(`
    process.once('uncaughtException', (error) => console.log('caught', error.message))
    const graph = new GraphBuilder('loss')
    const w = graph.input('w', 'float32', [1])
    graph.output('loss', graph.reduceSum(w, undefined, false))
    graph.output('grad/w', graph.mul(w, 1))
    const parameters = engine.createParameters([{ name: 'w', dims: [1], decay: false }])
    const trainer = await engine.createTrainer({ onnx: toOnnx(graph.build()), parameters })
    const result = await trainer.step({ microbatches: [{}], optimizer: { lr: 0 }, onProgress: () => { throw new Error('from a listener') } })
    console.log(result.applied)
  `)
  expect({ code, output }).toEqual({ code: 0, output: 'caught from a listener\ntrue\n' })
})

test('memory is given back: creating and disposing large sets does not grow the process', async () => {
  const { code, output } = await inOwnHome(`
    const round = () => {
      for (let i = 0; i < 20; i++) {
        const set = engine.createParameters([{ name: 'w', dims: [4_000_000], decay: false }])
        set.load(ones)
        set.dispose()
      }
      globalThis.gc()
    }
    const ones = new Float32Array(4_000_000).fill(1)
    round()
    const before = process.memoryUsage().rss
    for (let i = 0; i < 5; i++) round()
    console.log(process.memoryUsage().rss - before < 100e6)
  `)
  expect({ code, output }).toEqual({ code: 0, output: 'true\n' })
})
