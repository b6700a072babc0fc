// What leaves the sample workspace is what is in it: every shape of rollouts read back, the answers of two runs paired by problem, and a
// report that holds the lab's own answers at every budget.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportRequest, fromWire, toWire, rolloutFormats, rolloutShapes, type ReportData } from '../../src-preload/contract.ts'
import type { CanonicalRollout } from '../../src-main/data/canonical.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import { importInto } from '../../src-main/lab/files/importInto.ts'
import { fromRolloutDetail } from '../../src-main/data/records.ts'
import { exportFile, exportName, exportTo, sizesOf } from '../../src-main/lab/files/exportFile.ts'
import { compareQueries } from '../../src-main/lab/answers/queriesCompare.ts'
import { jsonInPage, reportData, writeReport } from '../../src-main/lab/comparing/reportFile.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import { makeWorkspace, rollout } from './records.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-exports-'))
const now = (): number => 1_800_000_000_000
let store: Store
beforeAll(() => {
  cpSync(resolve('resources/sample'), join(folder, 'sample'), { recursive: true })
  store = openStore(join(folder, 'sample'), { program: 'test' })
})
afterAll(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

const context = () => ({ store, version: '1.2.3', now })
const asked = (request: Parameters<typeof exportRequest.parse>[0]) => exportRequest.parse(request)

async function readBack(path: string): Promise<CanonicalRollout[]> {
  const job = importFiles([path])
  const found: CanonicalRollout[] = []
  for await (const batch of job) if (batch.kind === 'rollouts') found.push(...batch.rows)
  expect(job.report().rejectedRows).toBe(0)
  return found
}

const inStore = (filter: { runId: number } | { evaluationId: number }): CanonicalRollout[] =>
  store.rollouts
    .page({ filter, sort: 'place', descending: false, limit: 1000, after: null })
    .rollouts.map(({ id, runId }) => fromRolloutDetail(store.rollouts.detail(id)!, runId === null ? null : store.runs.get(runId)!.uid))

describe.each(rolloutShapes.flatMap((as) => rolloutFormats.map((format) => ({ as, format }))))(
  'the rollouts of a run as $as in $format',
  ({ as, format }) => {
    it('are all of them, with everything that is known about each', async () => {
      const path = join(folder, `${as}.${format}`)
      const count = await exportTo(context(), asked({ kind: 'rollouts', filter: { runId: 3 }, as, format }), path)
      const expected = inStore({ runId: 3 })
      expect(count).toBe(expected.length)
      expect(await readBack(path)).toEqual(expected)
      expect(expected[0]).toMatchObject({
        groundTruth: expect.stringContaining('target'),
        completionLogps: expect.any(Array),
        extra: { estimator: { method: 'exact' }, budget_tokens: expect.any(Number) },
      })
      expect(expected[0]!.episodes![0]!.pCorrect).toBeGreaterThan(0)
    })
  },
)

describe('rollouts that leave and come in again', () => {
  it('are the rollouts that left, in a run of their own', async () => {
    const path = join(folder, 'again.jsonl')
    await exportTo(context(), asked({ kind: 'rollouts', filter: { runId: 3 } }), path)
    const into = openStore(join(folder, 'again'), { create: true, program: 'test' })
    const { runId, datasetId } = await importInto(into, [path], {}, now)
    const listed = into.rollouts.page({ filter: { runId: runId! }, sort: 'place', descending: false, limit: 1000, after: null }).rollouts
    // What a run and a sampling are is the other workspace's; the rest is the same, J and log-probabilities to the last digit.
    const bare = ({ runId: _run, split: _split, extra: _extra, groupId: _group, ...rollout }: CanonicalRollout) => rollout
    expect(listed.map(({ id }) => bare(fromRolloutDetail(into.rollouts.detail(id)!, null)))).toEqual(inStore({ runId: 3 }).map(bare))
    expect(into.datasets.problem(listed[0]!.problemId)!.answer).toMatchObject({ target: expect.any(Number), numbers: expect.any(Array) })
    expect(into.datasets.get(datasetId!)!.problemCount).toBe(new Set(inStore({ runId: 3 }).map(({ promptId }) => promptId)).size)
    into.close()
  })
})

describe('an export', () => {
  it('of an evaluation has its answers and no training', async () => {
    const path = join(folder, 'evaluation.jsonl')
    await exportTo(context(), asked({ kind: 'rollouts', filter: { evaluationId: 2 } }), path)
    expect(await readBack(path)).toEqual(inStore({ evaluationId: 2 }))
    expect(new Set((await readBack(path)).map(({ split }) => split))).toEqual(new Set(['eval']))
  })

  it('of a run as TRL lays it out is a folder with a file for each step that has rollouts', async () => {
    const out = join(folder, 'trl')
    const count = await exportTo(context(), asked({ kind: 'rollouts', filter: { runId: 1 }, as: 'trl', format: 'parquet' }), out, {}, true)
    const files = readdirSync(join(out, 'completions')).sort()
    expect(files[0]).toBe('completions_00001.parquet')
    expect(files).toHaveLength(new Set(inStore({ runId: 1 }).map(({ step }) => step)).size)
    expect((await Promise.all(files.map((file) => readBack(join(out, 'completions', file))))).flat()).toHaveLength(count!)
  })

  it('tells how far it is, and cancelled leaves nothing', async () => {
    const heard: number[] = []
    await exportFile(context(), asked({ kind: 'rollouts', filter: { runId: 1 } }), {
      onEvent: (event) => event.kind === 'progress' && heard.push(event.report.done / event.report.total!),
    })
    expect(heard.at(-1)).toBe(1)
    const abort = new AbortController()
    const out = join(folder, 'cancelled')
    // TRL's columns are found in a first pass, at whose end this is cancelled.
    await expect(
      exportTo(context(), asked({ kind: 'rollouts', filter: { runId: 1 }, as: 'trl', format: 'parquet' }), join(out, 'rollouts.parquet'), {
        signal: abort.signal,
        onEvent: () => abort.abort(),
      }),
    ).rejects.toThrow()
    expect(readdirSync(out)).toEqual([])
  })

  it('pairs the answers of two runs by problem and sample, with the better one told by the sign', async () => {
    const path = join(folder, 'both.json')
    const pairs = await exportTo(context(), asked({ kind: 'comparator', a: 1, b: 3 }), path)
    const document = JSON.parse(readFileSync(path, 'utf8')) as {
      models: { name: string }[]
      examples: { input_text: string; output_text_a: string; score: number; custom_fields: { correct: boolean[]; prompt_id: string } }[]
    }
    expect(document.models.map(({ name }) => name)).toEqual(['outcome RL, seed 1 (run 1)', 'MRT-exact, seed 1 (run 3)'])
    expect(document.examples).toHaveLength(pairs!)
    for (const {
      score,
      custom_fields: { correct },
    } of document.examples)
      expect(Math.sign(score)).toBe(Number(correct[0]) - Number(correct[1]))
    expect(new Set(document.examples.map(({ custom_fields }) => custom_fields.prompt_id)).size).toBe(pairs! / 2)
  })

  it('of the database is a workspace that opens', async () => {
    const copy = join(folder, 'copy')
    const path = join(folder, 'copy.db')
    await exportTo(context(), asked({ kind: 'workspace' }), path)
    cpSync(path, join(copy, 'workspace.db'))
    const opened = openStore(copy, { program: 'test' })
    expect(opened.workspace().counts).toEqual(store.workspace().counts)
    opened.close()
  })

  it('of a run that is not there is refused', async () => {
    await expect(exportFile(context(), asked({ kind: 'metrics', runId: 99 }))).rejects.toMatchObject({ code: 'run.unknown' })
    await expect(exportFile(context(), asked({ kind: 'rollouts', filter: { runId: 1, text: 'nothingsaysthis' } }))).rejects.toMatchObject({
      code: 'export.empty',
    })
  })
})

describe('the name of an export', () => {
  const nameOf = (request: Parameters<typeof asked>[0]): string => exportName(store, asked(request))

  it('says of which run it is, in letters and figures of any alphabet, and not at length', () => {
    const named = (name: string): string => {
      store.runs.setLabels(1, { name, note: '' })
      return nameOf({ kind: 'metrics', runId: 1 })
    }
    const given = ['a  b/c: 2!', '--', 'größe 質', 'x'.repeat(61)]
    expect(given.map(named)).toEqual([
      'run-1-a-b-c-2-metrics.jsonl',
      'run-1-run-metrics.jsonl',
      'run-1-größe-質-metrics.jsonl',
      `run-1-${'x'.repeat(60)}-metrics.jsonl`,
    ])
    store.runs.setLabels(1, { name: 'outcome RL', note: '' })
    expect(nameOf({ kind: 'config', runId: 1 })).toBe('run-1-outcome-RL-config.json')
  })

  it('says which rollouts are in it, and in which shape where that is not our own', () => {
    const named = (filter: object, more: object = {}): string => nameOf({ kind: 'rollouts', filter, ...more } as never)
    expect(named({ runId: 1 })).toBe('run-1-outcome-RL-rollouts.jsonl')
    expect(named({ runId: 1, text: 'Wait' })).toBe('run-1-outcome-RL-chosen-rollouts.jsonl')
    expect(named({ evaluationId: 2 })).toBe('evaluation-2-rollouts.jsonl')
    expect(named({ evaluationId: 2, correct: true }, { as: 'trl', format: 'parquet' })).toBe('evaluation-2-chosen-rollouts-trl.parquet')
    expect([named({}), named({ correct: false })]).toEqual(['all-rollouts.jsonl', 'all-chosen-rollouts.jsonl'])
    expect(() => named({ evaluationId: 99 })).toThrow(expect.objectContaining({ code: 'evaluation.unknown' }))
  })

  it('says which runs it compares, or how many where they are more than four', () => {
    expect(nameOf({ kind: 'comparator', a: 1, b: 3 })).toBe('run-1-outcome-RL-against-run-3-MRT-exact-comparator.json')
    expect(nameOf({ kind: 'report', runIds: [1, 1, 3, 3] })).toBe('comparison-of-outcome-RL-outcome-RL-MRT-exact-MRT-exact.html')
    expect(nameOf({ kind: 'report', runIds: [1, 1, 3, 3, 1] })).toBe('comparison-of-5-runs.html')
  })
})

describe('the progress of an export', () => {
  it('is told under its name, in the unit of what it writes', async () => {
    const told = async (request: Parameters<typeof asked>[0], name: string) => {
      const heard = new Set<string>()
      await exportTo(context(), asked(request), join(folder, name), {
        onEvent(event) {
          if (event.kind !== 'progress') return
          const { job, label, unit, atMs } = event.report
          heard.add([job, label, unit, atMs, event.runId].join('; '))
        },
      })
      return [...heard]
    }
    const at = (label: string, unit: string): string[] => [`export; ${label}; ${unit}; ${now()}; `]
    expect(await told({ kind: 'rollouts', filter: { runId: 1 } }, 'told.jsonl')).toEqual(at('Writing rollouts', 'rollouts'))
    expect(await told({ kind: 'comparator', a: 1, b: 3 }, 'told.json')).toEqual(at('Pairing answers', 'answers'))
  })
})

describe('what an export gives', () => {
  it('is where the file lies, how long it is, and how many rows it has, where it has any', async () => {
    const steps = store.steps.range(1, 0, 1000)
    const metrics = await exportFile(context(), asked({ kind: 'metrics', runId: 1 }))
    expect(metrics).toEqual({
      fileName: 'run-1-outcome-RL-metrics.jsonl',
      path: join(store.folder, 'exports', metrics.fileName),
      bytes: statSync(metrics.path).size,
      rows: steps.length,
      href: `./exports/${metrics.fileName}`,
    })
    const config = await exportFile(context(), asked({ kind: 'config', runId: 1 }))
    expect(config.rows).toBeNull()
    expect(readFileSync(config.path, 'utf8')).toBe(`${JSON.stringify(store.runs.get(1)!.config, null, 2)}\n`)
  })

  it('is one file where only rollouts would be laid out step by step, and nothing after it was cancelled', async () => {
    const path = join(folder, 'steps.jsonl')
    expect(await exportTo(context(), asked({ kind: 'metrics', runId: 1 }), path, {}, true)).toBeGreaterThan(0)
    expect(statSync(path).isFile()).toBe(true)
    const cancelled = join(folder, 'never.json')
    await expect(exportTo(context(), asked({ kind: 'config', runId: 1 }), cancelled, { signal: AbortSignal.abort() })).rejects.toThrow()
    expect(existsSync(cancelled)).toBe(false)
  })

  it('is told in hundredths of a database', async () => {
    const heard: (readonly [number, number | null, string])[] = []
    await exportTo(context(), asked({ kind: 'workspace' }), join(folder, 'told.db'), {
      onEvent: (event) => event.kind === 'progress' && heard.push([event.report.done, event.report.total, event.report.unit]),
    })
    const [last, ...of] = heard.at(-1)!
    expect(of).toEqual([100, '%'])
    expect(last).toBeGreaterThan(90)
    for (const [done] of heard) expect([Number.isInteger(done), done >= 0 && done <= 100]).toEqual([true, true])
    heard.length = 0
    const inHalves: Store['backUpTo'] = (to, told) => {
      told?.(0.504)
      told?.(1)
      writeFileSync(to, 'copy')
      return Promise.resolve()
    }
    const slow = { ...context(), store: { ...context().store, backUpTo: inHalves } }
    await exportTo(slow, asked({ kind: 'workspace' }), join(folder, 'halves.db'), {
      onEvent: (event) => event.kind === 'progress' && heard.push([event.report.done, event.report.total, event.report.unit]),
    })
    expect(heard).toEqual(
      expect.arrayContaining([
        [50, 100, '%'],
        [100, 100, '%'],
      ]),
    )
  })
})

describe('answers of two runs side by side', () => {
  it('are those to the same problem under the same number, with what is known of the problem', async () => {
    const { runIds, evaluationIds } = makeWorkspace(join(folder, 'pairs'))
    const own = openStore(join(folder, 'pairs'), { program: 'test' })
    try {
      const datasetId = own.datasets.list()[0]!.id
      const ids = own.datasets.addProblems(datasetId, [
        { key: 'q1', split: 'heldout', prompt: 'q1', answer: 1, level: null, slices: { topic: 'sums', size: 3 } },
        { key: 'q2', split: 'heldout', prompt: 'q2', answer: 2, level: 5, slices: {} },
      ])
      const answers = (evaluationId: number, runId: number, given: readonly (readonly [number, number, boolean])[], keptThinking = false) =>
        own.rollouts.add(
          { runId, evaluationId, phase: 'eval', step: 4 },
          given.map(([problem, sample, correct]) => ({
            ...rollout(ids[problem]!, problem, sample, correct),
            text: `${runId} ${problem} ${sample}${keptThinking ? ' kept' : ''}`,
            keptThinking,
          })),
        )
      answers(evaluationIds[0]!, runIds[0]!, [
        [0, 0, true],
        [0, 1, false],
        [1, 0, true],
        [1, 1, true],
      ])
      answers(evaluationIds[2]!, runIds[2]!, [
        [0, 1, true],
        [0, 0, true],
        [1, 1, false],
      ])
      // Thoughts that were kept going are nobody's answers.
      answers(evaluationIds[0]!, runIds[0]!, [[1, 5, true]], true)
      answers(
        evaluationIds[2]!,
        runIds[2]!,
        [
          [1, 5, true],
          [1, 0, true],
        ],
        true,
      )
      const heard: number[] = []
      const path = join(folder, 'pairs.json')
      const request = asked({ kind: 'comparator', a: runIds[0]!, b: runIds[2]! })
      const count = await exportTo({ ...context(), store: own }, request, path, {
        onEvent: (event) => event.kind === 'progress' && heard.push(event.report.done / event.report.total!),
      })
      expect([count, heard.at(-1)]).toEqual([3, 1])
      const { examples } = JSON.parse(readFileSync(path, 'utf8')) as {
        examples: { tags: string[]; output_text_a: string; output_text_b: string }[]
      }
      expect(examples.map(({ output_text_a: a, output_text_b: b }) => [a, b])).toEqual(
        ['0 0', '0 1', '1 1'].map((place) => [`${runIds[0]} ${place}`, `${runIds[2]} ${place}`]),
      )
      expect([examples[0]!.tags, examples[2]!.tags]).toEqual([
        ['heldout', 'topic: sums', 'size: 3'],
        ['heldout', 'level 5'],
      ])
      const { id: _id, uid: _uid, ...near } = own.runs.get(runIds[0]!)!
      const { id: bare } = own.runs.add({ ...near, name: 'bare' })
      await expect(exportTo({ ...context(), store: own }, asked({ kind: 'comparator', a: bare, b: 1 }), path)).rejects.toMatchObject({
        code: 'export.notEvaluated',
        expected: 'a finished evaluation of bare',
        found: 'none',
        next: 'Evaluate the run first.',
      })
    } finally {
      own.close()
    }
  })
})

describe('sizes', () => {
  it('are about what the files then have', async () => {
    const { rollouts, workspace, metrics, config } = await sizesOf(store, 1)
    expect(workspace).toBe(store.workspace().databaseBytes)
    expect(rollouts.count).toBe(store.rollouts.count({ runId: 1 }))
    expect(config).toBe(statSync((await exportFile(context(), asked({ kind: 'config', runId: 1 }))).path).size - 1)
    const written = (await exportFile(context(), asked({ kind: 'metrics', runId: 1 }))).bytes
    expect(metrics / written).toBeGreaterThan(0.5)
    expect(metrics / written).toBeLessThan(1)
    for (const { as, format, bytes } of rollouts.sizes) {
      const file = await exportFile(context(), asked({ kind: 'rollouts', filter: { runId: 1 }, as, format }))
      expect(bytes / file.bytes, `${as} ${format}`).toBeGreaterThan(0.5)
      expect(bytes / file.bytes, `${as} ${format}`).toBeLessThan(2)
    }
  })
})

describe('a report', () => {
  const request = () => asked({ kind: 'report', runIds: [1, 2, 3] }) as Extract<ReturnType<typeof asked>, { kind: 'report' }>

  it('holds what the lab answers at every budget, and every curve by every axis', async () => {
    const heard: number[] = []
    const data = await reportData(context(), request(), (done, total) => heard.push(done / total))
    expect(heard.at(-1)).toBe(1)
    const ask = compareQueries(() => store)
    const options = { signal: new AbortController().signal }
    expect(data.views[0]!.tables).toEqual(
      await ask.tables({ runIds: [1, 2, 3], budgets: [...data.budgets], groupBy: 'group', baseline: 1, step: null }, options),
    )
    expect(data.views.map(({ step }) => step)).toEqual([null, 0, 36])
    expect(data.views[0]!.tables.every(({ rows }) => rows.slice(2).every(({ against }) => against!.accuracy.low !== null))).toBe(true)
    const tokens = await ask.curves(
      { runIds: [1, 2, 3], metric: 'reward', x: 'tokens', groupBy: 'group', band: 'none', maxPoints: 2000 },
      options,
    )
    expect(data.curves.reward!.map(({ axes }) => axes.tokens)).toEqual(tokens.map(({ x }) => x))
    const asked = { runIds: [1, 2, 3], groupBy: 'group' as const, step: null }
    expect(data.views[0]).toMatchObject({
      maps: await ask.maps({ ...asked, budgets: [...data.budgets] }, options),
      accuracy: await ask.budgetCurves({ ...asked, quantity: 'accuracy', start: true }, options),
      regret: await ask.budgetCurves({ ...asked, quantity: 'regret', start: true }, options),
    })
    const [usual, ...levels] = data.views[0]!.tokensFor
    expect(usual).toEqual(await ask.tokensFor({ ...asked, accuracy: null, baseline: 1 }, options))
    expect([levels.length > 0, levels.map(({ accuracy }) => accuracy)]).toEqual([true, usual!.levels])
    expect(data.runs.every(({ latest, sparklines }) => sparklines.length === 0 && Object.keys(latest).length === 0)).toBe(true)
    expect(data).toMatchObject({
      version: '1.2.3',
      baseline: 1,
      budget: 120,
      datasets: [{ name: 'countdown-3' }],
      models: [{ name: 'starter' }],
    })
    expect(data.evaluations).toHaveLength(5)
  })

  it('lets other work go on between its figures', async () => {
    let turns = 0
    let next: NodeJS.Immediate | undefined
    const turn = (): void => {
      turns++
      next = setImmediate(turn)
    }
    turn()
    const at: number[] = []
    await reportData(context(), request(), () => at.push(turns))
    clearImmediate(next)
    expect(at.length).toBeGreaterThan(2)
    expect(at.filter((count, index) => index > 0 && count <= at[index - 1]!)).toEqual([])
  })

  it('is one small file, whatever the names of runs hold', async () => {
    store.runs.setLabels(1, { name: '</script><script>alert(1)</script>', note: '' })
    const path = join(folder, 'report.html')
    const { bytes } = await writeReport(
      path,
      context(),
      request(),
      () => {},
      '<title>x</title><script type="application/json" id="recording">null</script><p>after</p>',
    )
    store.runs.setLabels(1, { name: 'outcome RL', note: '' })
    const page = readFileSync(path, 'utf8')
    expect(page).toContain('<title>Comparison: &#60;/script&#62;&#60;script&#62;alert(1)&#60;/script&#62;, ')
    const empty = '<title>x</title><script type="application/json" id="another">null</script>'
    await expect(writeReport(path, context(), request(), () => {}, empty)).rejects.toThrow('has no element "recording"')
    expect(bytes).toBeLessThan(2e6)
    expect(page.match(/<\/script>/g)).toHaveLength(1)
    expect(page).not.toContain('<script>alert')
    const data = JSON.parse(/id="recording">(.*?)<\/script>/s.exec(page)![1]!) as ReportData
    expect(data.runs.map(({ run }) => run.name)).toContain('</script><script>alert(1)</script>')
  })

  it('of runs that were trained elsewhere holds the courses that their files tell', async () => {
    const elsewhere = openStore(join(folder, 'elsewhere'), { create: true, program: 'test' })
    const file = join(folder, 'rows.jsonl')
    writeFileSync(
      file,
      [1, 1, 2, 2].map((step, n) => `${JSON.stringify({ input: `${n}?`, output: '4', gts: '4', score: n / 2, step })}\n`).join(''),
    )
    const { runId } = await importInto(elsewhere, [file], {}, now)
    const data = await reportData(
      { store: elsewhere, version: '', now },
      { ...request(), runIds: [runId!], baseline: null, budget: null },
      () => {},
    )
    expect(data).toMatchObject({ views: [], budgets: [], budget: 0, evaluations: [], runs: [{ run: { method: 'imported' } }] })
    expect(data.curves.reward!.map(({ curve }) => [curve.x, curve.value])).toEqual([
      [
        [1, 2],
        [0.25, 1.25],
      ],
    ])
    // Beside a run of ours, or without a step, that is too little.
    const asked = (...runIds: number[]) =>
      reportData({ store: elsewhere, version: '', now }, { ...request(), runIds, baseline: null }, () => {})
    const { config, ...run } = store.runs.get(1)!
    const ours = elsewhere.runs.add({ ...run, config, modelId: null, datasetId: null, parentRunId: null }).id
    const silent = elsewhere.runs.add({ ...elsewhere.runs.get(runId!)!, name: 'silent' }).id
    for (const runIds of [[runId!, ours], [silent]]) await expect(asked(...runIds)).rejects.toMatchObject({ code: 'report.noBudget' })
    elsewhere.close()
  })

  it('is refused without an evaluation to report', async () => {
    const bare = openStore(join(folder, 'bare'), { create: true, program: 'test' })
    const { config, ...run } = store.runs.get(1)!
    const id = bare.runs.add({ ...run, config, modelId: null, datasetId: null, parentRunId: null }).id
    await expect(reportData({ store: bare, version: '', now }, { ...request(), runIds: [id] }, () => {})).rejects.toMatchObject({
      code: 'report.noBudget',
    })
    bare.close()
  })

  it('writes numbers short and texts safe', () => {
    expect(jsonInPage({ a: 0.1 + 0.2, b: 12345678, c: '<!--' })).toBe('{"a":0.3,"b":12345678,"c":"\\u003c!--"}')
    expect(jsonInPage([2 / 3, 1234.56789])).toBe('[0.6666667,1234.568]')
  })
})

// Typed arrays of the contract have no place in a report: what it carries is plain JSON.
describe('what a report carries', () => {
  it('is the same after its text form', async () => {
    const data = await reportData(context(), asked({ kind: 'report', runIds: [1, 3], groupBy: 'run' }) as never, () => {})
    expect(fromWire(toWire(data))).toEqual(JSON.parse(JSON.stringify(data)))
  })
})
