// Following as a window asks for it: a folder is looked at again and again, what came is told, and every way it can stand has its word.
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Follow, FollowState } from '../../src-preload/contract.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'

let at: LocalLab
beforeAll(async () => {
  at = await openLocalLab()
})
afterAll(() => at.close())

const line = (n: number): string =>
  `${JSON.stringify({ input: '2 + 2?', output: `row ${n}`, gts: '4', score: n % 2, step: 1 + (n >> 1) })}\n`
function folder(name: string): string {
  const path = join(at.home, name)
  mkdirSync(path)
  return path
}
async function until(id: number, test: (follow: Follow) => boolean): Promise<Follow> {
  for (let tries = 0; tries < 200; tries++) {
    const found = (await at.client.follows.list()).find((each) => each.id === id)!
    if (test(found)) return found
    await wait(50)
  }
  throw new Error(`follow ${id} stands at ${JSON.stringify((await at.client.follows.list()).find((each) => each.id === id))}`)
}
const stands =
  (state: FollowState) =>
  (follow: Follow): boolean =>
    follow.state === state && follow.checkedAtMs !== null

describe('a folder that the laboratory follows', () => {
  it('waits while it is empty, follows once rows come, and tells windows of them', async () => {
    const path = folder('live')
    const { id, runId } = await at.client.follows.start({ path })
    expect(await until(id, stands('waiting'))).toMatchObject({ rows: 0, rollouts: 0, reason: null, runName: 'live' })
    at.events.length = 0
    writeFileSync(join(path, '1.jsonl'), line(0) + line(1))
    expect(await until(id, stands('following'))).toMatchObject({
      rows: 2,
      rollouts: 2,
      lastStep: 1,
      lastRowAtMs: expect.any(Number),
      files: [{ path: '1.jsonl', source: 'verl', rows: 2, reason: null }],
    })
    appendFileSync(join(path, '1.jsonl'), line(2))
    await until(id, ({ rows }) => rows === 3)
    expect(at.events.flatMap((event) => (event.kind === 'changed' ? event.noun : []))).toEqual(
      expect.arrayContaining(['follows', 'runs', 'rollouts']),
    )
    const [reward] = await at.client.runs.series({ runId, metrics: ['reward'] })
    expect([reward!.step, reward!.value]).toEqual([
      [1, 2],
      [0.5, 0],
    ])
  })

  it('is missing while it is away, and goes on without a row twice when it is back', async () => {
    const [{ id, path }] = (await at.client.follows.list()) as [Follow]
    renameSync(path, `${path}-away`)
    await until(id, stands('missing'))
    appendFileSync(join(`${path}-away`, '1.jsonl'), line(3))
    renameSync(`${path}-away`, path)
    expect(await until(id, (follow) => follow.state === 'following' && follow.rows === 4)).toMatchObject({ rollouts: 4 })
  })

  it('is not looked at while it is stopped, and taken up where it was', async () => {
    const [{ id, path }] = (await at.client.follows.list()) as [Follow]
    expect(await at.client.follows.stop({ followId: id })).toMatchObject({ state: 'stopped' })
    await wait(50)
    appendFileSync(join(path, '1.jsonl'), line(4))
    await wait(1500)
    expect((await at.client.follows.list())[0]).toMatchObject({ state: 'stopped', rows: 4 })
    await at.client.follows.resume({ followId: id })
    await until(id, ({ rows }) => rows === 5)
  })

  it('goes on by itself when the workspace is opened again', async () => {
    const [{ id, path }] = (await at.client.follows.list()) as [Follow]
    await at.client.workspace.close()
    appendFileSync(join(path, '1.jsonl'), line(5))
    await at.client.workspace.open({ folder: at.folder })
    expect(await until(id, ({ rows }) => rows === 6)).toMatchObject({ rollouts: 6, state: 'following' })
  })

  it('fails with the reason where nothing of it are rollouts', async () => {
    const path = folder('problems')
    writeFileSync(join(path, 'problems.jsonl'), '{"problem": "2 + 2?", "answer": "4"}\n')
    const { id } = await at.client.follows.start({ path })
    expect(await until(id, stands('failed'))).toMatchObject({
      reason: { code: 'follow.notRollouts' },
      files: [{ path: 'problems.jsonl', reason: { code: 'follow.notRollouts' } }],
    })
  })

  it('is stopped while its run is in the bin', async () => {
    const [{ id, runId }] = (await at.client.follows.list()) as [Follow]
    await at.client.runs.remove({ runId })
    expect((await at.client.follows.list()).find((each) => each.id === id)).toMatchObject({ state: 'stopped' })
    await at.client.runs.restore({ runId })
    await until(id, stands('following'))
  })

  it('is forgotten without its run', async () => {
    const [{ id, runId }] = (await at.client.follows.list()) as [Follow]
    await at.client.follows.forget({ followId: id })
    expect((await at.client.follows.list()).map((each) => each.id)).not.toContain(id)
    expect((await at.client.runs.get({ runId })).item.rolloutCount).toBe(6)
    await expect(at.client.follows.stop({ followId: id })).rejects.toMatchObject({ code: 'follow.unknown' })
  })

  it('is refused where there is nothing, and by a path that does not begin at the root', async () => {
    await expect(at.client.follows.start({ path: join(at.home, 'nowhere') })).rejects.toMatchObject({ code: 'file.missing' })
    await expect(at.client.follows.start({ path: 'live' })).rejects.toMatchObject({ code: 'import.relative' })
  })
})
