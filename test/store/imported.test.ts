// What comes from files of other trainers, as the store keeps it: rollouts without tokens, the steps that they and their trainer's log make,
// imports that were cut short, folders that are followed; and what of it is taken out again.

import Database from 'better-sqlite3'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { statedName } from '../../src-main/store/importedSteps.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import type { NewRollout } from '../../src-preload/contract.ts'
import { addDataset, newEvaluation, newRun, newStore, problemNamed, rolloutOf, startedRun, stepOf, thrownBy } from './records.ts'

const none = new Int32Array(0)
/** A rollout that came as text alone. */
const textOf = (problemId: number, changes: Partial<NewRollout> = {}): NewRollout =>
  rolloutOf(problemId, { promptTokens: none, tokens: none, logps: new Float32Array(0), sampled: null, advantages: null, ...changes })
const tokensOf = (problemId: number, length: number, changes: Partial<NewRollout> = {}): NewRollout =>
  rolloutOf(problemId, { tokens: new Int32Array(length), ...changes })

/** An imported run over one problem of training and one of another split. */
function importedRun(store: Store) {
  const datasetId = addDataset(store)
  const [trained, held] = store.datasets.addProblems(datasetId, [problemNamed('a', 'imported'), problemNamed('b', 'eval')])
  const run = store.runs.add(newRun({ datasetId, method: 'imported' }))
  const add = (step: number, rollouts: readonly NewRollout[]): number[] =>
    store.rollouts.add({ runId: run.id, evaluationId: null, phase: 'imported', step }, rollouts)
  return { run, datasetId, trained: trained!, held: held!, add }
}

describe('rollouts that came as text', () => {
  it('have the token counts that their file states, or none', () => {
    const store = newStore()
    const { add, trained } = importedRun(store)
    const ids = add(0, [
      textOf(trained),
      textOf(trained, { statedTokens: { prompt: 12, completion: 34 } }),
      rolloutOf(trained, { statedTokens: { prompt: 12, completion: 34 } }),
    ])
    expect(ids.map((id) => store.rollouts.get(id)!).map((each) => [each.promptTokenCount, each.tokenCount])).toEqual([
      [0, 0],
      [12, 34],
      [7, 5],
    ])
  })

  it('get tokens once a tokenizer has read them, and keep everything else', () => {
    const store = newStore()
    const { add, trained } = importedRun(store)
    const [id, other] = add(0, [textOf(trained), textOf(trained)])
    const before = store.rollouts.detail(id!)!
    store.rollouts.setTokens(id!, Int32Array.of(5, 6), Int32Array.of(7, 8, 9), 2)
    expect(store.runs.list().map(({ rolloutCount }) => rolloutCount)).toEqual([2])
    const after = store.rollouts.detail(id!)!
    expect(after).toEqual({
      ...before,
      rollout: { ...before.rollout, promptTokenCount: 2, tokenCount: 3, thinkingTokens: 2 },
      promptTokens: Int32Array.of(5, 6),
      tokens: Int32Array.of(7, 8, 9),
    })
    expect(store.rollouts.get(other!)!.tokenCount).toBe(0)
  })

  it('are graded once: a verdict that is there stays, and so does an answer that their file named', () => {
    const store = newStore()
    const { add, trained } = importedRun(store)
    const ids = add(0, [
      textOf(trained, { correct: null, extractedAnswer: null }),
      textOf(trained, { correct: null, extractedAnswer: 'named' }),
      textOf(trained, { correct: true, extractedAnswer: 'named' }),
    ])
    for (const id of ids) store.rollouts.setGrade(id, false, 'read')
    expect(ids.map((id) => store.rollouts.get(id)!).map((each) => [each.correct, each.extractedAnswer])).toEqual([
      [false, 'read'],
      [false, 'named'],
      [true, 'named'],
    ])
  })

  it('keep what their file said besides, and most rollouts have nothing', () => {
    const store = newStore()
    const { add, trained } = importedRun(store)
    const ids = add(0, [textOf(trained, { origin: { row: 3 } }), textOf(trained)])
    expect(store.rollouts.detail(ids[0]!)!.origin).toEqual({ row: 3 })
    expect('origin' in store.rollouts.detail(ids[1]!)!).toBe(false)
    expect(store.rollouts.readable(ids[1]! + 1)).toBeNull()
  })

  it('stand at the last of their steps, as a run without steps of its own', () => {
    const store = newStore()
    const { run, add, trained } = importedRun(store)
    expect(store.runs.get(run.id)!.lastStep).toBeNull()
    add(4, [textOf(trained)])
    add(2, [textOf(trained)])
    expect(store.runs.get(run.id)!.lastStep).toBe(4)
  })
})

describe('the steps of an imported run', () => {
  it('say what their rollouts come to: over those with a value, with how many there were', () => {
    const store = newStore()
    const { run, add, trained, held } = importedRun(store)
    add(3, [
      tokensOf(trained, 4, { reward: 1, correct: true, finishReason: 'length', rewardParts: { format: 1, outcome: 8 } }),
      tokensOf(trained, 8, { reward: 3, correct: false, finishReason: 'stop', rewardParts: { format: 0 } }),
      textOf(trained, { reward: null, correct: null, finishReason: 'unknown', rewardParts: {} }),
      tokensOf(held, 2, { reward: 5, correct: true, finishReason: 'stop', rewardParts: { format: 2 } }),
    ])
    store.imported.derive(run.id, null, 9)
    const step = store.steps.get(run.id, 3)!
    expect(step).toMatchObject({ tokens: 14, wallMs: 0, estimateTokens: 0, flops: 0, createdAtMs: 9, seedState: null })
    expect(step.metrics).toEqual({
      'n/rollouts': 3,
      'n/reward': 2,
      reward: 2,
      reward_std: Math.SQRT2,
      'n/graded': 2,
      'rewards/outcome/mean': 0.5,
      'rewards/format/mean': 0.5,
      'n/length': 2,
      'completions/mean_length': 6,
      'completions/min_length': 4,
      'completions/max_length': 8,
      'completions/clipped_ratio': 0.5,
      'eval/n/rollouts': 1,
      'eval/n/reward': 1,
      'eval/reward': 5,
      'eval/n/graded': 1,
      'eval/rewards/outcome/mean': 1,
      'eval/rewards/format/mean': 2,
      'eval/n/length': 1,
      'eval/completions/mean_length': 2,
      'eval/completions/min_length': 2,
      'eval/completions/max_length': 2,
      'eval/completions/clipped_ratio': 0,
    })
  })

  it('spread about their mean as a sample does, and one alone or equal ones not at all', () => {
    const store = newStore()
    const { run, add, trained } = importedRun(store)
    const rewarded = (step: number, ...rewards: number[]): number[] =>
      add(
        step,
        rewards.map((reward) => textOf(trained, { reward })),
      )
    rewarded(0, 0, 0.5)
    rewarded(1, 0, 3, 6)
    rewarded(2, 0.1, 0.1, 0.1)
    rewarded(3, 7)
    store.imported.derive(run.id, null, 9)
    const spread = [0, 1, 2, 3].map((step) => store.steps.get(run.id, step)!.metrics.reward_std)
    // (0.25² + 0.25²) / 1 = 0.125 and (3² + 0 + 3²) / 2 = 9
    expect([spread[0], spread[1], spread[3]]).toEqual([Math.sqrt(0.125), 3, undefined])
    expect(spread[2]).toBeCloseTo(0, 7)
    expect(store.steps.get(run.id, 3)!.metrics['n/reward']).toBe(1)
  })

  it('say how many characters a text has while it has no tokens, and no longer once it has', () => {
    const store = newStore()
    const { run, add, trained } = importedRun(store)
    const [id] = add(0, [textOf(trained, { text: 'twelve signs', reward: null, correct: null, finishReason: 'unknown', rewardParts: {} })])
    store.imported.derive(run.id, null, 9)
    expect(store.steps.get(run.id, 0)!.metrics).toEqual({ 'n/rollouts': 1, 'completions/mean_characters': 12 })
    store.rollouts.setTokens(id!, none, Int32Array.of(1, 2, 3), 0)
    store.imported.derive(run.id, null, 10)
    expect(store.steps.get(run.id, 0)!.metrics).toEqual({
      'n/rollouts': 1,
      'n/length': 1,
      'completions/mean_length': 3,
      'completions/min_length': 3,
      'completions/max_length': 3,
    })
    expect(store.steps.get(run.id, 0)!.tokens).toBe(3)
  })

  it('are those that were asked for, and rollouts whose file names no step are of none', () => {
    const store = newStore()
    const { run, add, trained } = importedRun(store)
    for (const step of [0, 1, 2]) add(step, [textOf(trained)])
    add(2, [textOf(trained, { origin: { absent: ['step'] }, reward: 100, rewardParts: { luck: 1 } })])
    store.imported.derive(run.id, [1, 2], 9)
    expect(store.steps.range(run.id, 0, 9).map(({ step, metrics }) => [step, metrics['n/rollouts'], metrics.reward])).toEqual([
      [1, 1, 1.5],
      [2, 1, 1.5],
    ])
    expect(store.steps.metricNames(run.id)).not.toContain('rewards/luck/mean')
  })

  it('keep what their trainer logged beside it, the newest word on each metric, and nothing that is not finite', () => {
    const store = newStore()
    const { run, add, trained } = importedRun(store)
    add(0, [textOf(trained)])
    store.imported.derive(run.id, null, 9)
    store.imported.state(run.id, 0, { kl: 0.5, reward: 7, entropy: 1 }, 10)
    store.imported.state(run.id, 0, { kl: 0.25, loss: NaN }, 11)
    store.imported.state(run.id, 5, { loss: Infinity }, 11)
    expect(store.steps.get(run.id, 0)!.metrics).toMatchObject({ kl: 0.25, entropy: 1, reward: 1.5, 'stated/reward': 7 })
    expect(store.steps.get(run.id, 0)!.metrics).not.toHaveProperty('loss')
    expect(store.steps.get(run.id, 5)).toBeNull()
    expect([statedName('kl'), statedName('eval/reward'), statedName('train/reward')]).toEqual(['kl', 'stated/eval/reward', 'train/reward'])
  })
})

describe('imports that are under way', () => {
  it('lose what had come of them when nobody finished them, and a finished one keeps everything', () => {
    const store = newStore()
    const imported = (name: string): number =>
      store.datasets.add({ name, kind: 'imported', source: null, roles: null, grader: 'integer', note: '', createdAtMs: 1 })
    const [done, cut, other] = [imported('done'), imported('cut'), addDataset(store)]
    for (const datasetId of [done, cut, other]) {
      store.halfImports.begin(datasetId)
      store.runs.add(newRun({ datasetId, method: 'imported' }))
    }
    store.halfImports.end(done)
    store.halfImports.begin(999)
    store.halfImports.begin(other)
    store.halfImports.end(other)
    store.halfImports.begin(other)
    expect(store.halfImports.drop()).toEqual(['cut'])
    expect(store.datasets.list().map(({ id }) => id)).toEqual([done, other])
    expect(store.runs.list().map(({ run }) => run.datasetId)).toEqual([done, other])
    expect(store.halfImports.drop()).toEqual([])
    expect(store.settings.all()).toEqual({})
  })

  it('are told of by the next writer, as taken out', () => {
    const store = newStore()
    const cut = store.datasets.add({ name: 'cut', kind: 'imported', source: null, roles: null, grader: 'g', note: '', createdAtMs: 1 })
    store.halfImports.begin(cut)
    store.close()
    const again = openStore(store.folder, { now: () => 77 })
    onTestFinished(() => again.close())
    expect(again.events.list(0, 9)).toMatchObject([
      { runId: null, step: null, kind: 'log', level: 'warn', code: 'import.dropped', data: { name: 'cut' }, atMs: 77 },
    ])
  })
})

describe('folders that are followed', () => {
  const follow = (runId: number, path: string) => ({ runId, path, options: { importId: 'i' }, active: true, createdAtMs: 3 })

  it('are found again by path, counted on, put to rest and forgotten', () => {
    const store = newStore()
    const { run } = importedRun(store)
    const id = store.follows.add(follow(run.id, '/runs/a'))
    const fresh = { id, ...follow(run.id, '/runs/a'), rows: 0, rejected: 0, lastRowAtMs: null, asideBytes: 0 }
    expect(store.follows.ofPath('/runs/a')).toEqual(fresh)
    expect(store.follows.ofPath('/runs/b')).toBeNull()
    store.follows.count(id, 5, 1, 40)
    store.follows.count(id, 2, 0, null)
    store.follows.setAside(id, 99)
    store.follows.setActive(id, false)
    expect(store.follows.get(id)).toEqual({ ...fresh, rows: 7, rejected: 1, lastRowAtMs: 40, asideBytes: 99, active: false })
    store.follows.setActive(id, true)
    expect(store.follows.list().map(({ active }) => active)).toEqual([true])
    store.follows.remove(id)
    expect([store.follows.get(id), store.follows.list()]).toEqual([null, []])
  })

  it('remember of each file how far it was read, and of each row how often it was seen', () => {
    const store = newStore()
    const { run } = importedRun(store)
    const id = store.follows.add(follow(run.id, '/runs/a'))
    const file = {
      path: 'b.jsonl',
      kind: 'rows',
      inode: '1:2',
      bytes: 10,
      mtimeMs: 4,
      readTo: 9,
      line: 2,
      head: 'h',
      tail: 't',
      rows: 1,
      rejected: 0,
      source: null,
      reason: null,
    } as const
    const fileId = store.follows.setFile(id, file)
    const other = store.follows.setFile(id, {
      ...file,
      path: 'a.jsonl',
      source: 'verl',
      reason: { code: 'c', expected: 'e', found: 'f', next: 'n' },
    })
    expect(store.follows.setFile(id, { ...file, readTo: 10 })).toBe(fileId)
    store.follows.moveFile(fileId, 'z.jsonl')
    expect(store.follows.files(id)).toMatchObject([
      { id: other, path: 'a.jsonl', source: 'verl', reason: { code: 'c' } },
      { id: fileId, path: 'z.jsonl', readTo: 10, reason: null },
    ])
    const digest = Buffer.from([1, 2])
    expect(store.follows.row(fileId, digest)).toEqual({ seen: 0, here: 0 })
    store.follows.setRow(fileId, digest, 2, 1)
    store.follows.setRow(fileId, digest, 3, 3)
    expect(store.follows.row(fileId, digest)).toEqual({ seen: 3, here: 3 })
    expect(store.follows.row(other, digest)).toEqual({ seen: 0, here: 0 })
    store.follows.readAgain(fileId)
    expect(store.follows.row(fileId, digest)).toEqual({ seen: 3, here: 0 })
    for (const entry of [{ key: 1 }, 'second']) store.follows.addIdentity(id, entry)
    expect(store.follows.identity(id)).toEqual([{ key: 1 }, 'second'])
  })

  it('number more rollouts after those that are there', () => {
    const store = newStore()
    const { run, add, trained, held } = importedRun(store)
    add(2, [textOf(trained, { group: 1, sample: 3, origin: { groupId: 'g7' } }), textOf(held)])
    expect([...store.follows.placed(run.id)]).toEqual([
      { step: 2, group: 1, sample: 3, key: 'a', groupId: 'g7' },
      { step: 2, group: 0, sample: 0, key: 'b', groupId: null },
    ])
  })
})

describe('what is taken out', () => {
  /** Three steps of two groups each, and an evaluation with answers in groups 0 to 2. */
  function filled(store: Store) {
    const { run, datasetId, problemId } = startedRun(store)
    for (const step of [0, 1, 2])
      store.steps.record({ step: stepOf(run.id, step), rollouts: [rolloutOf(problemId), rolloutOf(problemId, { group: 1 })], events: [] })
    const { id } = store.evaluations.add(newEvaluation(datasetId, { runId: run.id, step: 2 }))
    store.evaluations.addResults(
      id,
      [],
      [0, 1, 2].map((group) => rolloutOf(problemId, { group })),
    )
    return { run, evaluationId: id }
  }
  const countOf = (store: Store): number => store.runs.list()[0]!.rolloutCount

  it('by thinning are training rollouts of other steps and later groups, then answers of later groups, each counted', () => {
    const store = newStore()
    const { run, evaluationId } = filled(store)
    expect(countOf(store)).toBe(9)
    expect(store.rollouts.thinRun(run.id, [0, 2], 1)).toBe(4)
    expect(countOf(store)).toBe(5)
    expect(store.rollouts.keptSteps(run.id)).toEqual([0, 2])
    expect(store.rollouts.thinEvaluation(evaluationId, 1)).toBe(2)
    expect(countOf(store)).toBe(3)
    expect(store.evaluations.keptProblems(evaluationId)).toHaveLength(1)
  })

  it('of a run is counted, with the bytes of texts and arrays that it takes', () => {
    const store = newStore()
    const { run } = filled(store)
    const empty = store.runs.add(newRun({ name: 'empty' }))
    const { text, promptTokens, tokens, logps, sampled, advantages } = rolloutOf(1)
    const bytes = text.length + [promptTokens, tokens, logps, sampled!, advantages!].reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(store.storage.byRun()).toEqual([
      { runId: run.id, name: 'first', rollouts: 6, rolloutBytes: 6 * bytes, answers: 3, answerBytes: 3 * bytes },
      { runId: empty.id, name: 'empty', rollouts: 0, rolloutBytes: 0, answers: 0, answerBytes: 0 },
    ])
    expect(store.storage.removeRollouts([run.id, empty.id])).toBe(6)
    expect([countOf(store), store.steps.range(run.id, 0, 9)]).toMatchObject([3, { length: 3 }])
  })

  it('leaves room in the file, which compacting gives back', () => {
    const store = newStore()
    const { run, problemId } = startedRun(store)
    const large = Array.from({ length: 20 }, (_, sample) => rolloutOf(problemId, { sample, text: 'word '.repeat(4000) }))
    store.steps.record({ step: stepOf(run.id, 0), rollouts: large, events: [] })
    store.compact()
    expect(store.storage.freeBytes()).toBe(0)
    store.storage.removeRollouts([run.id])
    const before = store.workspace().databaseBytes
    const free = store.storage.freeBytes()
    expect(free).toBeGreaterThan(20 * 20_000)
    expect(free % 4096).toBe(0)
    store.compact()
    expect(store.storage.freeBytes()).toBe(0)
    expect(store.workspace().databaseBytes).toBeLessThanOrEqual(before - free)
  })

  it('leaves runs that can be numbered anew, in whatever names them', () => {
    const store = newStore()
    const runs = [1, 2, 3, 4].map((seed) => store.runs.add(newRun({ seed })))
    const { problemId } = startedRun(store)
    const child = store.runs.add(newRun({ seed: 9, parentRunId: runs[3]!.id, parentStep: 0 }))
    store.steps.record({ step: stepOf(runs[3]!.id, 0), rollouts: [rolloutOf(problemId)], events: [] })
    for (const data of [{ rollouts: { runId: runs[3]!.id } }, { rollouts: { runId: runs[0]!.id } }])
      store.events.add({ runId: runs[3]!.id, step: 0, kind: 'health', level: 'info', code: 'c.d', message: '', data, atMs: 1 })
    for (const run of runs.slice(1, 3)) store.runs.remove(run.id)
    store.renumberRuns()
    expect(store.runs.list().map(({ run }) => [run.id, run.seed, run.parentRunId])).toEqual([
      [1, 1, null],
      [2, 4, null],
      [3, 1, null],
      [4, 9, 2],
    ])
    expect(child.seed).toBe(9)
    expect(store.rollouts.page({ filter: { runId: 2 }, sort: 'place', descending: false, limit: 9, after: null }).rollouts).toHaveLength(1)
    expect(store.events.ofRun(2, 'health', 0, 9).map(({ data }) => data)).toEqual([{ rollouts: { runId: 2 } }, { rollouts: { runId: 1 } }])
    const db = new Database(join(store.folder, 'workspace.db'), { readonly: true })
    expect(db.pragma('foreign_key_check')).toEqual([])
    db.close()
    expect(() => store.steps.record({ step: stepOf(99, 0), rollouts: [], events: [] })).toThrow(/FOREIGN KEY/)
    expect(thrownBy(() => store.datasets.remove(1)).code).toBe('dataset.inUse')
  })
})
