// Rollouts out and in again: every shape and format, read back by the readers that imports use, gives the rollouts that were written; and
// the files have the names and types that TRL's and verl's own tools read.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import fc from 'fast-check'
import { parquetMetadata, parquetSchema } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { rolloutFormats, rolloutShapes } from '../../src-preload/contract.ts'
import type { CanonicalEpisode, CanonicalRollout } from '../../src-main/data/canonical.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import { writeComparator } from '../../src-main/data/write/comparator.ts'
import { writeMetrics } from '../../src-main/data/write/metrics.ts'
import { sizeOfRollouts, writeRollouts } from '../../src-main/data/write/rollouts.ts'
import { codeOf, newFolder } from './files.ts'

async function readBack(path: string): Promise<CanonicalRollout[]> {
  const job = importFiles([path])
  const found: CanonicalRollout[] = []
  for await (const batch of job) if (batch.kind === 'rollouts') found.push(...batch.rows)
  expect(job.report().rejectedRows).toBe(0)
  return found
}

const byPlace = (a: CanonicalRollout, b: CanonicalRollout): number => a.step! - b.step! || a.sampleIndex! - b.sampleIndex!

const text = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
  fc.constantFrom('=1+1', 'a\r\nb', '</script>', 'NaN', 'null', '12'),
)
const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }).map((value) => (Object.is(value, -0) ? 0 : value))
const chance = fc.double({ noNaN: true, min: 0, max: 1 }).map((value) => (Object.is(value, -0) ? 0 : value))
const count = fc.nat(1000)
const episode: fc.Arbitrary<Omit<CanonicalEpisode, 'index'>> = fc.record(
  {
    startToken: count,
    endToken: count,
    textStart: count,
    textEnd: count,
    marker: text,
    pCorrect: chance,
    pCorrectN: count,
    progress: finite,
    bonus: finite,
  },
  { requiredKeys: ['startToken', 'endToken'] },
)

/** Whatever a rollout may say; the place, prompt and completion are always there, because every trainer's file has them. */
const rollout: fc.Arbitrary<CanonicalRollout> = fc.record(
  {
    schemaVersion: fc.constant(1),
    prompt: text,
    completion: text,
    promptId: fc.uuid(),
    runId: fc.uuid(),
    reward: finite,
    split: fc.constantFrom('train', 'eval'),
    groupId: fc.uuid(),
    promptTokens: count,
    completionTokens: count,
    promptTokenIds: fc.array(count, { minLength: 1, maxLength: 5 }),
    completionTokenIds: fc.array(count, { minLength: 1, maxLength: 5 }),
    completionLogps: fc.array(finite, { minLength: 1, maxLength: 5 }),
    finishReason: fc.constantFrom('stop', 'length', 'forced'),
    groundTruth: fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })),
    extractedAnswer: text,
    correct: fc.boolean(),
    rewards: fc.dictionary(fc.constantFrom('outcome', 'progress', 'length_penalty', 'reward', 'step'), finite, { minKeys: 1 }),
    advantage: finite,
    advantages: fc.array(finite, { minLength: 1, maxLength: 5 }),
    used: fc.boolean(),
    discardReason: text,
    startPCorrect: chance,
    startPCorrectN: count,
    episodes: fc.array(episode, { minLength: 1, maxLength: 4 }).map((all) => all.map((each, index) => ({ index, ...each }))),
    extra: fc.record({
      level: count,
      slices: fc.record({ source: text }),
      sampled: fc.array(fc.constantFrom(0, 1), { minLength: 1, maxLength: 5 }),
    }),
  },
  { requiredKeys: ['schemaVersion', 'prompt', 'completion', 'promptId', 'reward', 'correct'] },
) as fc.Arbitrary<CanonicalRollout>

const placed = fc
  .array(rollout, { minLength: 1, maxLength: 12 })
  .map((all) => all.map((each, at): CanonicalRollout => ({ ...each, step: Math.floor(at / 4), sampleIndex: at % 4 })))

const cases = rolloutShapes.flatMap((as) => rolloutFormats.flatMap((format) => [false, true].map((perStep) => ({ as, format, perStep }))))

describe.each(cases)('rollouts as $as in $format, a file per step: $perStep', (options) => {
  it('come back as they were', async () => {
    await fc.assert(
      fc.asyncProperty(placed, async (rollouts) => {
        const folder = newFolder()
        const path = options.perStep ? join(folder, 'out') : join(folder, `rollouts.${options.format}`)
        const { files, rollouts: written } = await writeRollouts(path, () => rollouts, options)
        expect(written).toBe(rollouts.length)
        const back = (await Promise.all(files.map((each) => readBack(each.path)))).flat()
        expect(back.sort(byPlace)).toEqual(rollouts)
      }),
      { numRuns: 25 },
    )
  })
})

const three: readonly CanonicalRollout[] = [0, 1, 2].map((at) => ({
  schemaVersion: 1,
  step: 12,
  prompt: 'What is 2 + 2?',
  promptId: 'p',
  completion: `answer ${at}`,
  groundTruth: '4',
  reward: at / 2,
  rewards: { outcome: at, length: -at / 4 },
  advantage: at - 1,
  correct: at === 2,
}))

/** The names and types of a Parquet file's columns. */
function columnsOf(path: string): Record<string, string | undefined> {
  const bytes = readFileSync(path)
  const metadata = parquetMetadata(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
  return Object.fromEntries(parquetSchema(metadata).children.map(({ element }) => [element.name, element.converted_type ?? element.type]))
}

describe('the files of other trainers', () => {
  it("are TRL's completions, with its columns and a number for each reward function", async () => {
    const folder = newFolder()
    await writeRollouts(folder, () => three, { as: 'trl', format: 'parquet', perStep: true })
    const columns = columnsOf(join(folder, 'completions', 'completions_00012.parquet'))
    expect(columns).toMatchObject({
      step: 'INT64',
      prompt: 'UTF8',
      completion: 'UTF8',
      outcome: 'DOUBLE',
      length: 'DOUBLE',
      ground_truth: 'UTF8',
      advantage: 'DOUBLE',
    })
    expect([...Object.keys(columns).slice(0, 3), Object.keys(columns).at(-1)]).toEqual(['step', 'prompt', 'completion', 'advantage'])
  })

  it("are verl's dump, a file named after each step", async () => {
    const folder = newFolder()
    await writeRollouts(folder, () => three, { as: 'verl', perStep: true })
    const [first] = readFileSync(join(folder, '12.jsonl'), 'utf8').split('\n')
    expect(JSON.parse(first!)).toMatchObject({ input: 'What is 2 + 2?', output: 'answer 0', gts: '4', score: 0, step: 12 })
  })

  it('loses no key of what else a rollout says, whatever it is called', async () => {
    const extra = JSON.parse('{"__proto__": {"a": [{"__proto__": 1}, -0.5, null]}, "constructor": [[]]}') as CanonicalRollout['extra']
    const path = join(newFolder(), 'rollouts.parquet')
    await writeRollouts(path, () => three.map((each) => ({ ...each, extra: extra! })), { format: 'parquet' })
    expect((await readBack(path)).map((each) => JSON.stringify(each.extra))).toEqual(three.map(() => JSON.stringify(extra)))
  })

  it('keep whole rewards a floating-point column', async () => {
    const path = join(newFolder(), 'rollouts.parquet')
    await writeRollouts(path, () => three.map((each) => ({ ...each, rewards: { outcome: 1 } })), { as: 'trl', format: 'parquet' })
    expect(columnsOf(path).outcome).toBe('DOUBLE')
  })

  it("hold each step's rollouts in a file of its own, of no step in one more, and each step comes once", async () => {
    const [at1, at2] = [1, 2].map((step) => ({ ...three[0]!, step }))
    const { step: _step, ...atNone } = three[0]!
    const folder = newFolder()
    const { files, rollouts } = await writeRollouts(folder, () => [at1!, at1!, at2!, atNone], { as: 'verl', perStep: true })
    expect([rollouts, files.map(({ path }) => relative(folder, path))]).toEqual([4, ['1.jsonl', '2.jsonl', 'unknown.jsonl']])
    expect(files.map(({ path }) => readFileSync(path, 'utf8').trim().split('\n').length)).toEqual([2, 1, 1])
    expect(files.map(({ path, bytes }) => bytes === statSync(path).size)).toEqual([true, true, true])
    const twice = writeRollouts(newFolder(), () => [at1!, at2!, at1!], { perStep: true })
    await expect(twice).rejects.toThrow('rollouts of step 1 come in two places')
    expect(await codeOf(writeRollouts(newFolder(), () => [], { perStep: true }))).toBe('export.empty')
  })

  it('are refused when there is nothing to write, and leave no file', async () => {
    const folder = newFolder()
    expect(await codeOf(writeRollouts(join(folder, 'none.jsonl'), () => []))).toBe('export.empty')
    expect(readdirSync(folder)).toEqual([])
  })

  it.runIf(process.platform === 'linux')('are refused where the system lets no folder be made', async () => {
    expect(await codeOf(writeMetrics('/proc/none/at/all.csv', []))).toBe('disk.name')
  })

  it('are not there at all when writing them fails half way', async () => {
    const folder = newFolder()
    function* failing(): Generator<CanonicalRollout> {
      yield three[0]!
      throw new Error('cut')
    }
    await expect(writeRollouts(join(folder, 'cut.jsonl'), failing)).rejects.toThrow('cut')
    expect(readdirSync(folder)).toEqual([])
  })

  it('have about the size that was foretold', async () => {
    const path = join(newFolder(), 'many.parquet')
    const many = Array.from({ length: 3000 }, (_, at): CanonicalRollout => ({
      ...three[at % 3]!,
      sampleIndex: at,
      completion: `${Math.sin(at)} `.repeat(40),
    }))
    const { files } = await writeRollouts(path, () => many, { format: 'parquet' })
    const foretold = await sizeOfRollouts(many.slice(0, 48), { format: 'parquet' }, many.length)
    expect(foretold / files[0]!.bytes).toBeGreaterThan(0.5)
    expect(foretold / files[0]!.bytes).toBeLessThan(2)
  })

  it('have the size that was foretold to the byte where every row is as long as those that were looked at', async () => {
    const path = join(newFolder(), 'three.jsonl')
    const { files } = await writeRollouts(path, () => [three[0]!, three[0]!, three[0]!, three[0]!])
    expect(await sizeOfRollouts([three[0]!, three[0]!], {}, 4)).toBe(files[0]!.bytes)
    expect(await sizeOfRollouts([three[0]!], {}, 4)).toBe(files[0]!.bytes)
    expect(await sizeOfRollouts([], {}, 4)).toBe(0)
    // The first is counted as it is, the others by what the rest of the sample is long.
    const lengths = [three[0]!, { ...three[0]!, completion: `${three[0]!.completion}${'x'.repeat(30)}` }]
    const first = files[0]!.bytes / 4
    expect(await sizeOfRollouts(lengths, {}, 3)).toBe(first + 2 * (first + 30))
  })
})

describe('the comparator file', () => {
  it('is one document with both models and a score that is positive where A did better', async () => {
    const path = join(newFolder(), 'both.json')
    const { pairs } = await writeComparator(path, {
      nameA: 'A',
      nameB: 'B',
      pairs: [
        { a: three[2]!, b: three[0]!, tags: ['level 3'] },
        { a: three[0]!, b: three[2]! },
      ],
    })
    const document = JSON.parse(readFileSync(path, 'utf8')) as {
      models: { name: string }[]
      examples: { score: number; tags: string[]; output_text_a: string }[]
    }
    expect(pairs).toBe(2)
    expect(document.models).toEqual([{ name: 'A' }, { name: 'B' }])
    expect(document.examples.map(({ score, tags, output_text_a }) => [score, tags, output_text_a])).toEqual([
      [1, ['level 3'], 'answer 2'],
      [-1, [], 'answer 0'],
    ])
  })

  it('scores by reward where both have one, else by who was right, else not at all', async () => {
    const path = join(newFolder(), 'both.json')
    const of = (changes: Partial<CanonicalRollout>): CanonicalRollout => ({ schemaVersion: 1, completion: 'c', ...changes })
    await writeComparator(path, {
      nameA: 'A',
      nameB: 'B',
      pairs: [
        { a: of({ reward: 2, correct: false }), b: of({ reward: 0.5, correct: true }) },
        { a: of({ reward: 2, correct: true }), b: of({ correct: false }) },
        { a: of({ correct: false }), b: of({ correct: true, reward: 1 }) },
        { a: of({ correct: true }), b: of({ correct: true }) },
        { a: of({ correct: true }), b: of({ reward: 1 }) },
        { a: of({ reward: 1 }), b: of({ correct: true }) },
      ],
    })
    const { examples } = JSON.parse(readFileSync(path, 'utf8')) as { examples: { score: number | null }[] }
    expect(examples.map(({ score }) => score)).toEqual([1.5, 1, -1, 0, null, null])
  })

  it('is not written without a pair', async () => {
    const path = join(newFolder(), 'none.json')
    expect(await codeOf(writeComparator(path, { nameA: 'A', nameB: 'B', pairs: [] }))).toBe('export.empty')
    expect(existsSync(path)).toBe(false)
  })
})

describe('metrics', () => {
  it('leave out what could not be computed', async () => {
    const path = join(newFolder(), 'metrics.jsonl')
    await writeMetrics(path, [{ step: 1, metrics: { reward: 0.5, kl: NaN }, createdAtMs: 2000 }])
    expect(readFileSync(path, 'utf8')).toBe('{"step":1,"time":2,"reward":0.5}\n')
  })
})
