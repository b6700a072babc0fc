// The lab as a real process: killed in the middle of a run, restarted, asked to end, given a workspace that is damaged.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { forkLab } from '../../src-main/lab/process/forkLab.ts'
import { superviseLab, type LabProcess, type LabSupervisor } from '../../src-main/lab/process/supervise.ts'
import { createClient, type Connection, type LabEvent, type LabStatus } from '../../src-preload/contract.ts'
import { makeWorkspace, specOf } from './records.ts'

const ENTRY = resolve(import.meta.dirname, 'fakeLab.ts')

let home: string
let supervisor: LabSupervisor
let processes: LabProcess[]
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'mrt-process-'))
  processes = []
})
afterEach(async () => {
  await supervisor.stop()
  rmSync(home, { recursive: true, force: true })
})

function start(folder: string | null): Connection & { readonly statuses: LabStatus[] } {
  supervisor = superviseLab({
    folder,
    create: true,
    start: (given) => {
      const child = forkLab(ENTRY, { ...given, home, version: '0.0.0', sample: null })
      processes.push(child)
      return child
    },
  })
  const statuses: LabStatus[] = []
  let session: ReturnType<LabSupervisor['open']>
  const connection = createClient({
    send: (message) => session.send(message),
    listen: (onMessage) => {
      session = supervisor.open(onMessage)
    },
  })
  connection.onStatus((status) => statuses.push(status))
  supervisor.launch()
  return { ...connection, statuses }
}

const until = <T>(listen: (listener: (told: T) => void) => () => void, wanted: (told: T) => boolean): Promise<T> =>
  new Promise((resolve) => {
    const stop = listen((told) => {
      if (!wanted(told)) return
      queueMicrotask(() => stop())
      resolve(told)
    })
  })
const becomes = (connection: Connection, state: LabStatus['state']): Promise<LabStatus> =>
  until(connection.onStatus, (status) => status.state === state)
/** A step from `at` on: those that came before somebody listened are not told again. */
const step = (connection: Connection, at: number): Promise<LabEvent> =>
  until(connection.onEvent, (event) => event.kind === 'step' && event.step.step >= at)

describe('a lab process', () => {
  it('answers, and carries typed arrays as they are', async () => {
    const folder = join(home, 'filled')
    const { runIds } = makeWorkspace(folder)
    const lab = start(folder)
    const { rollouts } = await lab.client.rollouts.query({
      filter: { runId: runIds[0]! },
      sort: 'place',
      descending: false,
      limit: 1,
      after: null,
    })
    const { detail } = await lab.client.rollouts.get({ rolloutId: rollouts[0]!.id })
    expect(detail.tokens).toBeInstanceOf(Int32Array)
    expect([...detail.tokens.slice(0, 3)]).toEqual([15, 8, 16])
  })

  it('opens the workspace of last time when none is named, and a new one the first time', async () => {
    const lab = start(null)
    const status = await becomes(lab, 'ready')
    expect(status.folder).toBe(join(home, 'workspace'))
    const other = join(home, 'other')
    await lab.client.workspace.open({ folder: other, create: true })
    await supervisor.stop()
    expect((await becomes(start(null), 'ready')).folder).toBe(other)
  })

  it('killed in the middle of a run is restarted, reads everything, and the run goes on from its checkpoint', async () => {
    const folder = join(home, 'new')
    const lab = start(folder)
    const { id } = await lab.client.runs.start({ spec: specOf('grpo', 1, { name: 'long', steps: 30 }) })
    await step(lab, 7)
    const unanswered = lab.client.rollouts.stopHere({ rolloutId: 1, boundary: 0 }).then(
      () => null,
      (error: unknown) => error,
    )
    processes[0]!.kill()
    const gone = await becomes(lab, 'gone')
    expect(gone.error).toMatchObject({ code: 'lab.gone', found: 'that it ended (signal SIGKILL)' })
    // The call under way was answered before or refused with the death of the process; never left open.
    expect([null, 'lab.gone']).toContain(((await unanswered) as { code?: string } | null)?.code ?? null)
    await expect(lab.client.runs.list()).rejects.toMatchObject({ code: 'lab.gone' })

    supervisor.launch()
    const ready = await becomes(lab, 'ready')
    expect(ready).toMatchObject({ starts: 2, folder, error: null })
    const { recovery } = (await lab.client.workspace.info())!
    expect(recovery!.interruptedRuns).toMatchObject([{ runId: id, name: 'long' }])
    expect(recovery!.interruptedRuns[0]!.lastStep).toBeGreaterThanOrEqual(7)
    expect((await lab.client.runs.get({ runId: id })).item.run.status).toBe('interrupted')

    await lab.client.runs.resume({ runId: id })
    await until(lab.onEvent, (event) => event.kind === 'run' && event.run.status === 'finished')
    expect((await lab.client.steps.list({ runId: id, from: 1, to: 30 })).map((each) => each.step)).toEqual(
      Array.from({ length: 30 }, (_, index) => index + 1),
    )
  })

  it('told to end interrupts the run, and leaves a workspace that opens clean', async () => {
    const folder = join(home, 'new')
    const lab = start(folder)
    await lab.client.runs.start({ spec: specOf('grpo', 1, { name: 'long', steps: 1000 }) })
    await step(lab, 2)
    const how = new Promise<string>((resolve) => processes[0]!.onExit(resolve))
    await supervisor.stop(60_000)
    expect(await how).toBe('exit code 0')
    const again = start(folder)
    await becomes(again, 'ready')
    expect((await again.client.workspace.info())!.recovery).toMatchObject({ previousOwner: null, interruptedRuns: [{ name: 'long' }] })
    expect((await again.client.runs.list())[0]!.run.status).toBe('interrupted')
  })

  it('says with a code that the workspace is damaged, and lives on to open another', async () => {
    const damaged = join(home, 'damaged')
    mkdirSync(damaged)
    writeFileSync(join(damaged, 'workspace.db'), 'this is no database, but it is long enough to look like one'.repeat(100))
    const lab = start(damaged)
    const status = await becomes(lab, 'ready')
    expect(status.error).toMatchObject({ code: 'workspace.corrupt' })
    await expect(lab.client.runs.list()).rejects.toMatchObject({ code: 'workspace.none' })
    await lab.client.workspace.open({ folder: join(home, 'other'), create: true })
    expect(await lab.client.runs.list()).toEqual([])
  })

  it('answers two pages apart, and forgets one that closes', async () => {
    const folder = join(home, 'filled')
    makeWorkspace(folder)
    const first = start(folder)
    await becomes(first, 'ready')
    const heard: number[] = []
    const session = supervisor.open((message) => {
      if ('id' in message) heard.push(message.id)
    })
    session.send({ id: 7, method: 'runs.list' })
    expect(await first.client.runs.list()).toHaveLength(4)
    expect(heard).toEqual([7])
    session.send({ id: 8, method: 'runs.list' })
    session.close()
    expect(await first.client.runs.list()).toHaveLength(4)
    expect(heard).toEqual([7])
  })
})
