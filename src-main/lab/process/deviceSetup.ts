// Puts in place the libraries of devices that are not part of what is installed.
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { LabError } from '../../../src-preload/contract.ts'
import { locateLibrary } from '../../engine/addon.ts'
import { cudaInPlace, findCudaLibraries, placeCudaLibraries, type CudaLibrary } from '../../engine/cudaLibraries.ts'

/** Whether CUDA's provider lies beside ONNX Runtime's library. */
export function cudaIsThere(): boolean {
  try {
    return cudaInPlace(dirname(locateLibrary().library))
  } catch {
    return false
  }
}

/**
 * Links the libraries of CUDA, out of a folder, beside ONNX Runtime.
 * @param tell given what was found before anything is refused
 * @param runtime ONNX Runtime's library and version; those of this program unless given
 * @returns the folder that holds them now. Throws LabError `device.setup` where the device needs none, the folder is not there, a library is missing or of another version, or may not be linked.
 */
export async function setUpDevice(
  device: string,
  from: string | undefined,
  tell: (libraries: readonly CudaLibrary[]) => void,
  runtime = locateLibrary(),
): Promise<string> {
  const refusal = (expected: string, found: string, next: string) => new LabError('device.setup', { expected, found, next })
  if (device !== 'cuda') throw refusal('`--setup cuda`', device, 'The other devices need no setup; `mrt devices` lists them.')
  if (from === undefined || !existsSync(from))
    throw refusal('--from with a folder that is there', from ?? 'none', 'Name the folder that the wheels were unpacked in.')
  const { library, version } = runtime
  const libraries = await findCudaLibraries(resolve(from), version)
  tell(libraries)
  const wrong = libraries.filter(({ problem }) => problem !== '')
  if (wrong.length > 0)
    throw refusal(
      `the libraries of CUDA 13 and of onnxruntime-gpu ${version} under ${from}`,
      wrong.map(({ name, problem }) => `${name} ${problem}`).join(', '),
      `Unpack there, from PyPI, for Linux on x86-64: ${[...new Set(wrong.map((each) => each.package))].join(', ')}.`,
    )
  try {
    placeCudaLibraries(libraries, dirname(library))
  } catch (error) {
    throw refusal(
      `to link libraries into ${dirname(library)}`,
      (error as Error).message,
      'Give yourself the right to write there, or run from a checkout.',
    )
  }
  return dirname(library)
}
