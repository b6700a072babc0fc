// How fast do large files come in, and in how much memory? One GB of JSON Lines as a dataset (roles, repeats exact and near, lengths) and
// one as rollouts of another trainer, up to the batches that a workspace would store, against what anybody would write first: lines from
// readline into JSON.parse. Every contestant runs in a process of its own, so that its peak of memory is its own. Equality: all count
// the same rows, and none is rejected. Left out: what SQLite takes to store them.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRng } from '../src-main/numeric/rng.ts'
import { figure, gain, measure } from './question.ts'
import type { Answer, Question } from './question.ts'
import type { Brought, Contestant } from './importingChild.ts'

const BYTES = 1e9
const ROUNDS = 3
const LEAST_RATE = 50
const MOST_BYTES = 500e6

export const question: Question = {
  title: 'importing: a GB of JSON Lines, as rows, as a dataset and as rollouts',
  async ask() {
    const folder = mkdtempSync(join(tmpdir(), 'mrt-bench-'))
    try {
      const files = { dataset: join(folder, 'dataset.jsonl'), rollouts: join(folder, '1.jsonl') }
      const rows = { dataset: await write(files.dataset, datasetRow), rollouts: await write(files.rollouts, rolloutRow) }
      return joined([await contest('dataset', files.dataset, rows.dataset), await contest('rollouts', files.rollouts, rows.rollouts)])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

const joined = (answers: readonly Answer[]): Answer => ({
  checks: answers.flatMap(({ checks }) => checks),
  figures: answers.flatMap(({ figures }) => figures),
  ratios: answers.flatMap(({ ratios }) => ratios),
})

async function contest(what: 'dataset' | 'rollouts', file: string, rows: number): Promise<Answer> {
  const brought: Record<Contestant, Brought[]> = { readline: [], import: [] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const contestant of round % 2 === 0 ? (['readline', 'import'] as const) : (['import', 'readline'] as const))
      brought[contestant].push(await askChild(contestant, file))
  }
  const times = (contestant: Contestant): number[] => brought[contestant].map(({ ms }) => ms)
  const rates = (contestant: Contestant): number[] => times(contestant).map((ms) => BYTES / 1e3 / ms)
  const peaks = brought.import.map(({ peakBytes }) => peakBytes)
  return {
    checks: Object.entries(brought).map(([contestant, readings]) => ({
      what: `${what}: rows that ${contestant} gives`,
      difference: Math.max(...readings.map(({ rows: found }) => Math.abs(found - rows))),
      limit: 0,
    })),
    figures: [
      figure(`${what}: readline and JSON.parse`, 'MB/s', rates('readline')),
      figure(`${what}: import`, 'MB/s', rates('import')),
      figure(
        `${what}: peak memory of the import`,
        'MB',
        peaks.map((bytes) => bytes / 1e6),
      ),
    ],
    ratios: [
      gain(`${what}: import against readline and JSON.parse`, times('import'), times('readline')),
      {
        what: `${what}: import against ${LEAST_RATE} MB/s`,
        aim: { atLeast: 1 },
        best: Math.max(...rates('import')) / LEAST_RATE,
        ...measure(rates('import').map((rate) => rate / LEAST_RATE)),
      },
      {
        what: `${what}: peak against ${MOST_BYTES / 1e6} MB`,
        aim: { atMost: 1 },
        best: Math.min(...peaks) / MOST_BYTES,
        ...measure(peaks.map((bytes) => bytes / MOST_BYTES)),
      },
    ],
  }
}

/** Rejects where the contestant ended without an answer. */
function askChild(contestant: Contestant, file: string): Promise<Brought> {
  return new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, 'importingChild.ts'), [contestant, file])
    let brought: Brought | null = null
    child.once('message', (message) => {
      brought = message as Brought
    })
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      brought ? resolve(brought) : reject(new Error(`${contestant} of ${file} ended with ${signal ?? code} and gave no answer`)),
    )
  })
}

type Draw = ReturnType<typeof createRng>
const words = Array.from({ length: 4000 }, (_, index) => `w${((index * 7919) % 9973).toString(36)}`)
const text = (rng: Draw, length: number): string => Array.from({ length }, () => words[rng.int(words.length)]).join(' ')

/** As GSM8K has them, about 0.95 kB. */
const datasetRow = (rng: Draw, row: number): object => ({
  id: `p${row}`,
  question: `Problem ${row}: ${text(rng, 60)}?`,
  answer: `${text(rng, 120)}\n#### ${rng.int(100_000)}`,
  level: 1 + rng.int(5),
})
/** As verl writes them, about 1.8 kB. */
const rolloutRow = (rng: Draw, row: number): object => ({
  input: `Problem ${row >> 3}: ${text(rng, 40)}?`,
  output: `${text(rng, 250)} Wait, ${text(rng, 60)} \\boxed{${rng.int(100)}}`,
  gts: String(rng.int(100)),
  score: rng.int(2),
  step: row >> 12,
})

/** Writes rows until the file has its size; how many there are. */
async function write(file: string, rowOf: (rng: Draw, row: number) => object): Promise<number> {
  const out = createWriteStream(file, { highWaterMark: 1 << 22 })
  const rng = createRng(1)
  let written = 0
  let row = 0
  while (written < BYTES) {
    let chunk = ''
    for (const end = row + 500; row < end; row++) chunk += `${JSON.stringify(rowOf(rng, row))}\n`
    written += chunk.length
    if (!out.write(chunk)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'finish')
  return row
}
