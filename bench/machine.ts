// The machine that a benchmark ran on, in the words that its figures need beside them.
import { readFileSync } from 'node:fs'
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os'
import { openEngine } from '../src-main/engine/engine.ts'

export interface Machine {
  readonly cpu: string
  readonly logicalCores: number
  /** Threads that a running graph uses. */
  readonly threads: number
  /** Vector instructions that matter to a matrix product. */
  readonly vectors: readonly string[]
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly onnxRuntime: string
  readonly date: string
  /** Processes that wanted to run over the last minute when the benchmark began: above 0 something else was busy. */
  readonly loadBefore: number
}

export async function describeMachine(): Promise<Machine> {
  const engine = openEngine()
  const { threads, version } = engine
  engine.dispose()
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    logicalCores: cpus().length,
    threads,
    vectors: vectorInstructions(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    onnxRuntime: version,
    date: new Date().toISOString().slice(0, 10),
    loadBefore: loadavg()[0]!,
  }
}

function vectorInstructions(): string[] {
  if (platform() !== 'linux') return []
  const flags = new Set(
    readFileSync('/proc/cpuinfo', 'utf8')
      .match(/^flags\s*:(.*)$/m)?.[1]
      ?.split(' '),
  )
  return ['avx2', 'avx512f', 'avx512_bf16', 'amx_tile'].filter((name) => flags.has(name))
}

export function machineText(machine: Machine): string {
  const { cpu, logicalCores, threads, vectors, memoryGiB, system, node, onnxRuntime, date, loadBefore } = machine
  return `${date}: ${cpu} (${vectors.join(', ') || 'vector instructions unknown'}), ${logicalCores} logical cores, ${threads} threads, ${memoryGiB} GiB, ${system}, Node ${node}, ONNX Runtime ${onnxRuntime}; load before ${loadBefore.toFixed(1)}`
}
