// Runs graphs on ONNX Runtime for the tests: on the CPU in this process, on WebGPU in a child process whose
// environment names a Vulkan driver before it starts. On Linux that is SwiftShader, the software driver that
// comes with Chromium, so the GPU path is tested on machines without a GPU.

import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Dtype, Graph, Node } from '../../src-main/graph/ir.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'
import { ndarray, unpacked } from './reference.ts'
import type { NdArray } from './reference.ts'

/** Types that this package of the runtime takes in. */
type Computed = Exclude<Dtype, 'float16' | 'bfloat16' | 'uint4'>

export type Feeds = Readonly<Record<string, NdArray>>
export type Provider = 'cpu' | 'webgpu'

export interface Job {
  readonly model: Uint8Array
  readonly feeds: Readonly<
    Record<string, { readonly dtype: Computed; readonly shape: readonly number[]; readonly data: readonly number[] }>
  >
}

/** The graph with numbers of 4 bits taken in as bytes, one each. */
function fed(graph: Graph): Graph {
  const narrow = graph.inputs.filter(({ dtype }) => dtype === 'uint4')
  const casts = narrow.map((output) => ({
    op: 'Cast',
    inputs: [`${output.name} as bytes`],
    outputs: [output],
    attributes: { to: 'uint4' },
  }))
  return {
    ...graph,
    inputs: graph.inputs.map((input) => (narrow.includes(input) ? { ...input, name: `${input.name} as bytes`, dtype: 'uint8' } : input)),
    nodes: [...(casts as unknown as Node[]), ...graph.nodes],
  }
}

function jobOf(graph: Graph, feeds: Feeds): Job {
  const whole = fed(graph)
  return {
    model: toOnnx(whole),
    feeds: Object.fromEntries(
      whole.inputs.map(({ name, dtype }, i) => {
        const { shape, data } = feeds[graph.inputs[i].name]
        return [name, { dtype: dtype as Computed, shape, data: [...data] }]
      }),
    ),
  }
}

/** Loads ONNX Runtime with telemetry off, which its environment must say before it is imported. */
async function loadOrt(): Promise<typeof import('onnxruntime-node')> {
  process.env.ORT_DISABLE_TELEMETRY = '1'
  return import('onnxruntime-node')
}

/** Runs one job; the session is released before returning. */
export async function runJob(job: Job, provider: Provider): Promise<Record<string, NdArray>> {
  const { InferenceSession, Tensor } = await loadOrt()
  const typed = {
    float32: (data: readonly number[]) => Float32Array.from(data),
    int64: (data: readonly number[]) => BigInt64Array.from(data, BigInt),
    int32: (data: readonly number[]) => Int32Array.from(data),
    bool: (data: readonly number[]) => Uint8Array.from(data),
    uint8: (data: readonly number[]) => Uint8Array.from(data),
  }
  const session = await InferenceSession.create(job.model, { executionProviders: [provider], logSeverityLevel: 3, intraOpNumThreads: 2 })
  try {
    const feeds = Object.fromEntries(
      Object.entries(job.feeds).map(([name, { dtype, shape, data }]) => [
        name,
        new Tensor(dtype, typed[dtype](data) as Float32Array, shape),
      ]),
    )
    const results = await session.run(feeds)
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [
        name,
        ndarray(tensor.dims, Array.from(tensor.data as ArrayLike<number | bigint>, Number)),
      ]),
    )
  } finally {
    await session.release()
  }
}

/** Every output of the graph for these inputs, from ONNX Runtime's CPU provider. */
export function runOnCpu(graph: Graph, feeds: Feeds): Promise<Record<string, NdArray>> {
  return runJob(jobOf(graph, feeds), 'cpu')
}

const DRIVER_PATHS = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
  '/usr/lib64/chromium-browser/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
]

/** Where the software Vulkan driver is described. Throws with what to install when there is none. */
export function softwareVulkanDriver(): string {
  const known = [process.env.SOFTWARE_VULKAN ?? '', ...DRIVER_PATHS].find(existsSync)
  if (known) return known
  let listed = ''
  try {
    listed = execFileSync('dpkg', ['-L', 'chromium', 'chromium-common'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    // Not a Debian, or no such package: the message below says what to do.
  }
  const packaged = listed.split('\n').find((path) => path.endsWith('vk_swiftshader_icd.json') && existsSync(path))
  if (packaged) return packaged
  throw new Error(
    `The WebGPU tests need Chromium's software Vulkan driver: run them through "npm test", which brings one, or install the package 'chromium' (looked at ${DRIVER_PATHS.join(', ')} and dpkg -L)`,
  )
}

/** What a process needs in its environment for WebGPU; Chromium also brings the loader, libvulkan, in the same folder. */
export function webgpuEnvironment(): Readonly<Record<string, string>> {
  if (process.platform !== 'linux') return {}
  const driver = softwareVulkanDriver()
  const libraries = [process.env.LD_LIBRARY_PATH, dirname(driver)].filter(Boolean).join(':')
  return { VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: libraries }
}

const CHILD = fileURLToPath(new URL('./webgpuChild.ts', import.meta.url))

/** Runs many graphs in one child process on the WebGPU provider; results in the order of the graphs. */
export async function runOnWebgpu(
  graphs: readonly { readonly graph: Graph; readonly feeds: Feeds }[],
): Promise<readonly Record<string, NdArray>[]> {
  const directory = mkdtempSync(join(tmpdir(), 'mrt-webgpu-'))
  try {
    graphs.forEach(({ graph, feeds }, i) => {
      const { model, feeds: plain } = jobOf(graph, feeds)
      writeFileSync(join(directory, `${i}.onnx`), model)
      writeFileSync(join(directory, `${i}.json`), JSON.stringify(plain))
    })
    await promisify(execFile)(process.execPath, [CHILD, directory, String(graphs.length)], {
      env: { ...process.env, ...webgpuEnvironment(), ORT_DISABLE_TELEMETRY: '1' },
    })
    return graphs.map((_, i) => {
      const results = JSON.parse(readFileSync(join(directory, `${i}.out.json`), 'utf8')) as Record<
        string,
        { shape: number[]; data: string }
      >
      return Object.fromEntries(Object.entries(results).map(([name, { shape, data }]) => [name, unpacked(shape, data)]))
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
}
