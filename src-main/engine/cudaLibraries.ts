// CUDA's part of ONNX Runtime and what it links to: looked for in a folder that a person brings (wheels of PyPI, unpacked anywhere below
// it), checked, and linked beside ONNX Runtime's own library, which is where it looks for its providers. Nothing is fetched or copied.
import { createReadStream, existsSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

/** The provider itself, from the package onnxruntime-gpu of ONNX Runtime's own version. */
const PROVIDER = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'] as const

/** What it links to, each after what it links to itself: nvidia-cuda-runtime, nvidia-cublas and nvidia-curand of CUDA 13. */
const LINKED = ['libcudart.so.13', 'libcublasLt.so.13', 'libcublas.so.13', 'libcurand.so.10'] as const

const PACKAGES: Readonly<Record<string, (version: string) => string>> = {
  'libonnxruntime_providers_shared.so': (version) => `onnxruntime-gpu==${version}`,
  'libonnxruntime_providers_cuda.so': (version) => `onnxruntime-gpu==${version}`,
  'libcudart.so.13': () => 'nvidia-cuda-runtime==13.*',
  'libcublasLt.so.13': () => 'nvidia-cublas==13.*',
  'libcublas.so.13': () => 'nvidia-cublas==13.*',
  'libcurand.so.10': () => 'nvidia-curand==10.4.*',
}

/** The libraries to load before the provider, of those beside ONNX Runtime; what is not there is left to the system. */
export const cudaLinked = (beside: string): string[] => LINKED.map((name) => join(beside, name)).filter((path) => existsSync(path))

/** Whether the provider lies beside ONNX Runtime. */
export const cudaInPlace = (beside: string): boolean => PROVIDER.every((name) => existsSync(join(beside, name)))

export interface CudaLibrary {
  readonly name: string
  /** Where it was found; null: nowhere. */
  readonly path: string | null
  /** Package of PyPI that holds it. */
  readonly package: string
  /** What is wrong with it, or empty. */
  readonly problem: string
}

/** Levels of folders that are looked through. */
const DEPTH = 8

/** Looks for every library in a folder and those below it, and whether the provider is of ONNX Runtime's version. Throws what reading the folder throws. */
export async function findCudaLibraries(folder: string, version: string): Promise<readonly CudaLibrary[]> {
  const wanted = new Set<string>([...PROVIDER, ...LINKED])
  const found = new Map<string, string>()
  const look = (at: string, depth: number): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name)
      if (entry.isDirectory() && depth < DEPTH) look(path, depth + 1)
      else if (wanted.has(entry.name) && !found.has(entry.name)) found.set(entry.name, path)
    }
  }
  look(folder, 1)
  return Promise.all(
    [...wanted].map(async (name): Promise<CudaLibrary> => {
      const path = found.get(name) ?? null
      const problem =
        path === null
          ? 'missing'
          : name === 'libonnxruntime_providers_cuda.so' && !(await holds(path, version))
            ? `not of version ${version}`
            : ''
      return { name, path, package: PACKAGES[name]!(version), problem }
    }),
  )
}

/** Links the libraries into the folder of ONNX Runtime's own, in place of links made before. Throws what the file system throws. */
export function placeCudaLibraries(libraries: readonly CudaLibrary[], beside: string): void {
  for (const { name, path } of libraries) {
    rmSync(join(beside, name), { force: true })
    symlinkSync(path!, join(beside, name))
  }
}

/** Whether a library holds a text as a string of its own, as it holds the version it was built as. */
async function holds(path: string, text: string): Promise<boolean> {
  const needle = Buffer.from(`\0${text}\0`)
  let tail = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    const seen = Buffer.concat([tail, chunk])
    if (seen.includes(needle)) return true
    tail = seen.subarray(-needle.length)
  }
  return false
}
