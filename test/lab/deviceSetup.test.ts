// CUDA's libraries out of a folder, with made-up files: what is missing or of another version is named with its package, and only a whole set is
// linked. No card and no library of NVIDIA is touched here.
import { existsSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cudaInPlace, cudaLinked, findCudaLibraries } from '../../src-main/engine/cudaLibraries.ts'
import { setUpDevice } from '../../src-main/lab/process/deviceSetup.ts'

const VERSION = '1.30.0'
const NAMES = [
  'libonnxruntime_providers_shared.so',
  'libonnxruntime_providers_cuda.so',
  'libcudart.so.13',
  'libcublasLt.so.13',
  'libcublas.so.13',
  'libcurand.so.10',
] as const

let folder: string
let wheels: string
let beside: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mrt-cuda-'))
  wheels = join(folder, 'wheels')
  beside = join(folder, 'runtime')
  mkdirSync(beside)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Wheels as they unpack: the provider with the version it was built as among its strings. */
function unpack({ without = '', version = VERSION }: { readonly without?: string; readonly version?: string } = {}): void {
  NAMES.filter((name) => name !== without).forEach((name, at) => {
    const place = join(wheels, name.startsWith('libonnx') ? 'onnxruntime/capi' : `nvidia/part${at}/lib`)
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, name), name === 'libonnxruntime_providers_cuda.so' ? `${'x'.repeat(3_000_000)}\0${version}\0rest` : 'library')
  })
}
const runtime = () => ({ library: join(beside, 'libonnxruntime.so.1'), version: VERSION })
const setUp = (device = 'cuda', from: string | undefined = wheels) => setUpDevice(device, from, () => {}, runtime())

test('a whole set is linked beside the runtime, and is loaded in the order of what links to what', async () => {
  unpack()
  expect(cudaInPlace(beside)).toBe(false)
  expect(await setUp()).toBe(beside)
  expect(cudaInPlace(beside)).toBe(true)
  expect(readlinkSync(join(beside, 'libcublas.so.13'))).toContain(wheels)
  expect(cudaLinked(beside).map((path) => path.split('/').at(-1))).toEqual([
    'libcudart.so.13',
    'libcublasLt.so.13',
    'libcublas.so.13',
    'libcurand.so.10',
  ])
  // Again, as after an update.
  expect(await setUp()).toBe(beside)
})

test.each(NAMES)('without %s nothing is linked, and the package that holds it is named', async (name) => {
  unpack({ without: name })
  const [missing] = (await findCudaLibraries(wheels, VERSION)).filter(({ problem }) => problem !== '')
  expect(missing).toMatchObject({ name, path: null, problem: 'missing' })
  await expect(setUp()).rejects.toMatchObject({
    code: 'device.setup',
    found: `${name} missing`,
    next: expect.stringContaining(missing!.package) as string,
  })
  expect(existsSync(join(beside, NAMES[0]))).toBe(false)
})

test('a provider of another version is refused', async () => {
  unpack({ version: '1.29.0' })
  await expect(setUp()).rejects.toMatchObject({ code: 'device.setup', found: `libonnxruntime_providers_cuda.so not of version ${VERSION}` })
})

test('other devices need no setup, and a folder has to be there', async () => {
  await expect(setUp('webgpu')).rejects.toMatchObject({
    code: 'device.setup',
    expected: '`--setup cuda`',
    found: 'webgpu',
    next: 'The other devices need no setup; `mrt devices` lists them.',
  })
  const refused = {
    code: 'device.setup',
    expected: '--from with a folder that is there',
    next: 'Name the folder that the wheels were unpacked in.',
  }
  await expect(setUp('cuda', join(folder, 'nowhere'))).rejects.toMatchObject({ ...refused, found: join(folder, 'nowhere') })
  await expect(setUpDevice('cuda', undefined, () => {}, runtime())).rejects.toMatchObject({ ...refused, found: 'none' })
})

test('what is found is told before anything is refused, and everything that lacks is named, each package once', async () => {
  mkdirSync(wheels)
  const told: string[] = []
  await expect(
    setUpDevice('cuda', wheels, (libraries) => told.push(...libraries.map(({ name, problem }) => `${name} ${problem}`)), runtime()),
  ).rejects.toMatchObject({
    code: 'device.setup',
    expected: `the libraries of CUDA 13 and of onnxruntime-gpu ${VERSION} under ${wheels}`,
    found: NAMES.map((name) => `${name} missing`).join(', '),
    next: `Unpack there, from PyPI, for Linux on x86-64: onnxruntime-gpu==${VERSION}, nvidia-cuda-runtime==13.*, nvidia-cublas==13.*, nvidia-curand==10.4.*.`,
  })
  expect(told).toEqual(NAMES.map((name) => `${name} missing`))
})

test('libraries that may not be linked where the runtime lies are refused with the reason', async () => {
  unpack()
  const gone = join(folder, 'gone')
  await expect(setUpDevice('cuda', wheels, () => {}, { ...runtime(), library: join(gone, 'libonnxruntime.so.1') })).rejects.toMatchObject({
    code: 'device.setup',
    expected: `to link libraries into ${gone}`,
    found: expect.stringContaining('ENOENT') as string,
    next: 'Give yourself the right to write there, or run from a checkout.',
  })
})
