// What a run was made on, stored with it so that figures can be read years later.
import { execFileSync } from 'node:child_process'
import { arch, cpus, platform, totalmem } from 'node:os'
import type { Json } from '../../../src-preload/contract.ts'
import type { Engine } from '../../engine/engine.ts'
import { programFolder, programVersion } from './resources.ts'

export function environment(engine: Engine): Json {
  return {
    program: programVersion(),
    revision: revision(programFolder()),
    platform: platform(),
    arch: arch(),
    cpu: cpus()[0]?.model.trim() ?? '',
    cores: cpus().length,
    threads: engine.threads,
    memoryBytes: totalmem(),
    node: process.version,
    onnxruntime: engine.version,
  }
}

/** The commit of a checkout, or null in an installed program. */
function revision(root: string): string | null {
  try {
    return execFileSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return null
  }
}
