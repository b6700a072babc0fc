// Studies of two workspaces that become one: a cell is never less far than in either of them, and knows its run wherever that is.
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import { newRun, temporaryFolder } from './records.ts'

const now = (): number => 1000

function open(folder: string): Store {
  const store = openStore(folder, { create: true, now })
  onTestFinished(() => store.close())
  return store
}

type Become = 'waiting' | 'running' | 'finished'
/** A study of one arm in a workspace of its own: cells by seed, each with a run once it was begun. Closed. */
function workspaceWith(name: string, cells: readonly Become[], conditions = { steps: 4 }): string {
  const folder = join(temporaryFolder(), name)
  const store = openStore(folder, { create: true, now })
  const study = store.studies.add({ name: 'controls', title: 'Controls', conditions, environment: {}, createdAtMs: 1 })
  store.studies.addCells(
    study.id,
    cells.map((_, at) => ({ arm: 'outcome', seed: at + 1, spec: { group: `study ${study.uid}` } })),
  )
  for (const [at, cell] of store.studies.cells(study.id).entries()) {
    if (cells[at] === 'waiting') continue
    const run = store.runs.add(newRun({ name: `${name} ${at + 1}` }))
    store.runs.setStatus(run.id, cells[at]!, 5)
    store.studies.setRun(cell.id, run.id)
    store.studies.setNotes(cell.id, { of: name })
    store.studies.setStatus(cell.id, cells[at]!, 7, cells[at] === 'finished' ? 9 : null)
  }
  store.close()
  return folder
}
const merge = (into: Store, from: string, uids: readonly string[] | null = null) => into.others.merge(from, { uids, now })
const uidsOf = (into: Store, from: string): string[] => into.others.inspect(from).runs.map(({ uid }) => uid)
/** Cells of the only study, each with the name of its run. */
const cellsOf = (store: Store) =>
  store.studies.cells(store.studies.list()[0]!.id).map(({ status, runId }) => [status, runId === null ? null : store.runs.get(runId)!.name])

describe('a merged study', () => {
  it('arrives with all its cells, each beside its own run under its new id', async () => {
    const into = open(join(temporaryFolder(), 'into'))
    into.runs.add(newRun({ name: 'was here' }))
    await merge(into, workspaceWith('there', ['finished', 'running', 'waiting']))
    expect(cellsOf(into)).toEqual([
      ['finished', 'there 1'],
      ['running', 'there 2'],
      ['waiting', null],
    ])
    // Nothing works on it here.
    expect(into.runs.list().map(({ run }) => run.status)).toEqual(['queued', 'finished', 'interrupted'])
  })

  it('done twice, is one study with the same cells', async () => {
    const there = workspaceWith('there', ['finished', 'running', 'waiting'])
    const into = open(join(temporaryFolder(), 'into'))
    await merge(into, there)
    const before = into.studies.cells(1)
    await merge(into, there)
    expect(into.studies.list()).toHaveLength(1)
    expect(into.studies.cells(1)).toEqual(before)
  })

  it('of the same question and conditions is one with the study begun here, each cell as far as it came in either', async () => {
    const into = open(workspaceWith('here', ['finished', 'running', 'waiting', 'running', 'waiting', 'waiting']))
    await merge(into, workspaceWith('there', ['finished', 'finished', 'finished', 'running', 'running', 'waiting', 'finished']))
    expect(into.studies.list()).toHaveLength(1)
    expect(cellsOf(into)).toEqual([
      ['finished', 'here 1'],
      ['finished', 'there 2'],
      ['finished', 'there 3'],
      ['running', 'here 4'],
      ['running', 'there 5'],
      ['waiting', null],
      ['finished', 'there 7'],
    ])
    // Runs of cells that were further elsewhere stay as runs.
    expect(into.runs.list().map(({ run }) => run.name)).toContain('here 2')
    expect(into.studies.cells(1)[1]).toMatchObject({ notes: { of: 'there' }, wallMs: 7, finishedAtMs: 9 })
  })

  it('of other conditions stays another', async () => {
    const into = open(workspaceWith('here', ['finished']))
    await merge(into, workspaceWith('there', ['finished'], { steps: 5 }))
    expect(into.studies.list()).toHaveLength(2)
  })

  it('gets the runs that did not come with it, once they do', async () => {
    const there = workspaceWith('there', ['finished', 'finished'])
    const into = open(join(temporaryFolder(), 'into'))
    await merge(into, there, uidsOf(into, there).slice(0, 1))
    expect(cellsOf(into)).toEqual([
      ['finished', 'there 1'],
      ['finished', null],
    ])
    await merge(into, there)
    expect(cellsOf(into)).toEqual([
      ['finished', 'there 1'],
      ['finished', 'there 2'],
    ])
  })

  it('gets back a run that was deleted here', async () => {
    const there = workspaceWith('there', ['finished', 'running'])
    const into = open(join(temporaryFolder(), 'into'))
    await merge(into, there)
    for (const { run } of into.runs.list()) into.runs.remove(run.id)
    expect(cellsOf(into)).toEqual([
      ['finished', null],
      ['running', null],
    ])
    await merge(into, there)
    expect(cellsOf(into)).toEqual([
      ['finished', 'there 1'],
      ['running', 'there 2'],
    ])
  })

  it('does not come with runs that are none of its own', async () => {
    const there = workspaceWith('there', ['finished'])
    const store = openStore(there, { now })
    const { uid } = store.runs.add(newRun({ name: 'apart' }))
    store.close()
    const into = open(join(temporaryFolder(), 'into'))
    await merge(into, there, [uid])
    expect(into.studies.list()).toEqual([])
  })
})
