// Checkpoints come back exactly, are known by their content, appear whole or not at all, and are refused when altered.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { collectCheckpoints, loadCheckpoint, saveCheckpoint, type CheckpointInput } from '../../src-main/model/checkpoint.ts'

let folder: string
beforeEach(() => {
  const made = mkdtempSync(join(tmpdir(), 'mrt-checkpoints-'))
  folder = made
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
})

const vector = (...values: number[]) => ({ dims: [values.length], data: Float32Array.from(values) })

const input = (changes: Partial<CheckpointInput> = {}): CheckpointInput => ({
  config: { architecture: 'llama', layers: 2 },
  tensors: new Map([
    ['model.norm.weight', vector(1, 0.1, -3)],
    ['model.embed_tokens.weight', { dims: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
  ]),
  optimizer: { m: vector(0.5, 0.25), v: vector(1e-30, 2) },
  meta: { step: 40, seed: 7 },
  ...changes,
})

describe('saving and loading', () => {
  it('gives back every bit, the state, and the id', async () => {
    const saved = await saveCheckpoint(folder, input())
    const loaded = await loadCheckpoint(saved.path)
    expect(loaded).toMatchObject({ id: saved.id, config: { architecture: 'llama', layers: 2 }, meta: { step: 40, seed: 7 } })
    expect(Object.fromEntries(loaded.tensors)).toEqual(Object.fromEntries(input().tensors))
    expect(loaded.optimizer).toEqual(input().optimizer)
    expect(readdirSync(folder)).toEqual([saved.id])
    expect(saved.files.map((file) => file.name)).toEqual(['weights.safetensors', 'optimizer.safetensors'])
    expect(saved.bytes).toBe(readdirSync(saved.path).reduce((total, file) => total + readFileSync(join(saved.path, file)).length, 0))
  })

  it('without moments there is nothing to resume from', async () => {
    const { path, files } = await saveCheckpoint(folder, input({ optimizer: undefined }))
    expect((await loadCheckpoint(path)).optimizer).toBeNull()
    expect(files).toHaveLength(1)
  })

  it('half precision halves the weights, keeps the moments, and loads as float32', async () => {
    const { path, files } = await saveCheckpoint(folder, input({ dtype: 'F16' }))
    const { tensors, optimizer } = await loadCheckpoint(path)
    expect(tensors.get('model.norm.weight')!.data).toEqual(Float32Array.from(Float16Array.of(1, 0.1, -3)))
    expect(optimizer).toEqual(input().optimizer)
    expect(files[0]!.bytes).toBeLessThan((await saveCheckpoint(folder, input())).files[0]!.bytes)
  })

  it('the same content has the same id and one folder, and any difference another', async () => {
    const first = await saveCheckpoint(folder, input())
    const again = await saveCheckpoint(folder, input({ tensors: new Map([...input().tensors].toReversed()), meta: { seed: 7, step: 40 } }))
    const later = await saveCheckpoint(folder, input({ meta: { step: 41, seed: 7 } }))
    expect(again.id).toBe(first.id)
    expect(later.id).not.toBe(first.id)
    expect(new Set(readdirSync(folder))).toEqual(new Set([first.id, later.id]))
  })

  it('a shipped copy under another name is taken by its content', async () => {
    const { path, id } = await saveCheckpoint(folder, input())
    cpSync(path, join(folder, 'starter'), { recursive: true })
    expect((await loadCheckpoint(join(folder, 'starter'))).id).toBe(id)
  })
})

describe('what was cut short or altered is refused', () => {
  const damages: Record<string, (path: string) => void> = {
    'weights with a byte changed': (path) => {
      const content = readFileSync(join(path, 'weights.safetensors'))
      content[content.length - 1]! ^= 1
      writeFileSync(join(path, 'weights.safetensors'), content)
    },
    'weights cut short': (path) => truncateSync(join(path, 'weights.safetensors'), 100),
    'weights with something appended': (path) => appendFileSync(join(path, 'weights.safetensors'), 'x'),
    'no moments where there should be': (path) => rmSync(join(path, 'optimizer.safetensors')),
    'a manifest cut short': (path) => truncateSync(join(path, 'checkpoint.json'), 50),
    'a manifest with another step': (path) => {
      const file = join(path, 'checkpoint.json')
      writeFileSync(file, readFileSync(file, 'utf8').replace('40', '80'))
    },
    'a manifest that leaves out the weights': (path) => {
      const file = join(path, 'checkpoint.json')
      writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), files: [] }))
    },
    'a manifest of a later format': (path) => {
      const file = join(path, 'checkpoint.json')
      writeFileSync(file, readFileSync(file, 'utf8').replace('"format": 1', '"format": 2'))
    },
  }

  it.each(Object.keys(damages))('%s', async (name) => {
    const { path } = await saveCheckpoint(folder, input())
    damages[name]!(path)
    await expect(loadCheckpoint(path)).rejects.toMatchObject({ name: 'ModelFileError', code: 'checkpoint.damaged' })
  })

  it('a shipped copy whose weights were left out', async () => {
    const { path } = await saveCheckpoint(folder, input())
    const shipped = join(folder, 'starter')
    cpSync(path, shipped, { recursive: true })
    damages['a manifest that leaves out the weights']!(shipped)
    await expect(loadCheckpoint(shipped)).rejects.toMatchObject({
      code: 'checkpoint.damaged',
      expected: expect.stringContaining('weights.safetensors'),
    })
  })

  it('a folder that is no checkpoint', async () => {
    await expect(loadCheckpoint(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'checkpoint.missing' })
  })
})

describe('collecting what nothing refers to', () => {
  it('keeps what is named, removes the rest and what unfinished saves left, and touches nothing else', async () => {
    const [a, b] = [await saveCheckpoint(folder, input()), await saveCheckpoint(folder, input({ meta: { step: 1 } }))]
    mkdirSync(join(folder, '.unfinished-x'))
    writeFileSync(join(folder, '.unfinished-x', 'weights.safetensors'), 'half')
    mkdirSync(join(folder, 'mine'))
    const wouldGo = await collectCheckpoints(folder, new Set([a.id]), { dryRun: true })
    expect(existsSync(b.path)).toBe(true)
    const gone = await collectCheckpoints(folder, new Set([a.id]))
    expect(gone).toEqual(wouldGo)
    expect(gone).toMatchObject({ kept: 1, freedBytes: b.bytes + 4 })
    expect(new Set(gone.removed.map((each) => each.id))).toEqual(new Set([b.id, '.unfinished-x']))
    expect(new Set(readdirSync(folder))).toEqual(new Set([a.id, 'mine']))
  })
})

it('a process killed while it saves leaves whole checkpoints only', async () => {
  for (let kill = 0; kill < 4; kill++) {
    const child = spawn(process.execPath, [resolve(import.meta.dirname, 'saveCheckpoints.ts'), folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    setTimeout(() => child.kill('SIGKILL'), Math.random() * 60)
    await once(child, 'exit')
  }
  const ids = readdirSync(folder).filter((name) => !name.startsWith('.'))
  expect(ids.length).toBeGreaterThan(0)
  for (const id of ids) expect((await loadCheckpoint(join(folder, id))).tensors.size).toBe(1)
  const { kept } = await collectCheckpoints(folder, new Set(ids))
  expect(kept).toBe(ids.length)
  expect(readdirSync(folder).length).toBe(ids.length)
})
