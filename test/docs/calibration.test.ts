// docs/studies/calibration.md: every figure of its table, and what its words say of them, made again from the sample that ships.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CalibrationByType, Figure, TypeCalibration } from '../../src-preload/contract.ts'
import { calibrationByType } from '../../src-main/lab/thinking/calibrationByType.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'

const root = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/studies/calibration.md'), 'utf8')
const words = page.replaceAll(/\s+/g, ' ')
const folder = mkdtempSync(join(tmpdir(), 'mrt-calibration-'))
const EVALUATIONS = [1, 2, 3, 4, 5, 6, 7, 8]

let store: Store
let found: readonly CalibrationByType[]
beforeAll(async () => {
  cpSync(join(root, 'resources/sample'), join(folder, 'sample'), { recursive: true })
  store = openStore(join(folder, 'sample'), { program: 'test' })
  const asked: CalibrationByType[] = []
  for (const evaluationId of EVALUATIONS)
    asked.push(await calibrationByType(store, { evaluationId }, { by: 'level', bins: 10, limit: 20_000 }, new AbortController().signal))
  found = asked
})
afterAll(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

const signed = (value: number): string => `${value < 0 ? '' : '+'}${value.toFixed(3)}`
const gapText = ({ value, low, high }: Figure): string => `${signed(value)} (${signed(low!)} to ${signed(high!)})`
const rowOf = (name: string, { problems, foretold, realised, gap, brier, error }: TypeCalibration): string =>
  `| ${name} | ${problems} | ${foretold.value.toFixed(3)} | ${realised.value.toFixed(3)} | ${gapText(gap)} | ${brier.toFixed(3)} | ${error.toFixed(3)} |`

/** "outcome RL, step 40, held-out targets" */
function nameOf(id: number): string {
  const { runId, step, split } = store.evaluations.get(id)!
  const who = runId === null ? 'start' : `${store.runs.get(runId)!.name}, step ${step}`
  return `${who}, ${split === 'heldout-targets' ? 'held-out targets' : 'held-out problems'}`
}

describe('the first look at calibration', () => {
  it('shows every evaluation of the sample that has all of its rollouts, and the first by difficulty', () => {
    const rows = EVALUATIONS.flatMap((id, at) => [
      rowOf(`${id}: ${nameOf(id)}`, found[at]!.all),
      ...(at === 0 ? found[0]!.types.map((own, third) => rowOf(`${id}, ${['easiest third', 'middle', 'hardest third'][third]}`, own)) : []),
    ])
    expect(page.split('\n').filter((line) => /^\| \d/.test(line))).toEqual(rows)
  })

  it('says how many of the gaps leave 0 out, and which is the largest', () => {
    const gaps = found.flatMap(({ types, all }) => [all, ...types]).map(({ gap }) => gap)
    expect(gaps).toHaveLength(32)
    const outside = gaps.filter(({ low, high }) => low! > 0 || high! < 0).length
    expect(words).toContain(`${outside === 0 ? 'none' : String(outside)} of the 32 intervals`)
    const largest = Math.max(...found.map(({ all }) => Math.abs(all.gap.value)))
    expect(words).toContain(`at most ${largest.toFixed(2)}`)
  })

  it('says how many of the rollouts with J above 0.9 were right', () => {
    const [right, all] = found.reduce(
      ([right, count], { bins }) => {
        const top = bins.at(-1)!
        return [right + Math.round((top.observed ?? 0) * top.count), count + top.count]
      },
      [0, 0],
    )
    expect(words).toContain(`of the ${all} rollouts with J above 0.9, ${right} were right`)
  })
})
