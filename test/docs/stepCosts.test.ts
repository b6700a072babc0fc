// What docs/paper.md says that a step costs is what two steps on record cost, method by method, outcome RL being 1.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { openContext } from '../../src-main/lab/process/openContext.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { allPresets } from '../../src-main/lab/training/textPresets.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'

const page = readFileSync(resolve('docs/paper.md'), 'utf8')
const said = (pattern: RegExp): number => Number(pattern.exec(page)?.[1])

it('a step of each method takes the operations that the page says', { timeout: 600_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mrt-step-costs-'))
  const context = openContext({ folder: join(folder, 'workspace'), create: true, program: 'test' })
  try {
    const flopsOf = async (preset: string, options: Record<string, unknown> = {}): Promise<number> => {
      const { spec } = allPresets[preset]!
      const id = await createRun(context, {
        ...spec,
        steps: 2,
        seed: 1,
        algorithm: { ...spec.algorithm, options: { ...spec.algorithm.options, ...options } },
      })
      await trainRun(context, id)
      return context.store.steps.range(id, 1, 2).reduce((sum, { flops }) => sum + flops, 0)
    }
    const outcome = await flopsOf('countdown-outcome')
    const costs = {
      'mrt-exact': [said(/`countdown-mrt-exact` ([\d.]+\d),/), await flopsOf('countdown-mrt-exact')],
      'regret-exact': [said(/`countdown-regret-exact` ([\d.]+\d)\. /), await flopsOf('countdown-regret-exact')],
      lean: [said(/each weighing as much more: ([\d.]+\d)\. /), await flopsOf('countdown-regret-exact-lean')],
      'lean, exact answers of an eighth': [
        said(/\(`followShare` at 0\.125\) it is ([\d.]+\d)\. /),
        await flopsOf('countdown-regret-exact-lean', { answerGradient: 'exact', followShare: 0.125 }),
      ],
    } as const
    // Draws may differ by a rounding of another machine.
    for (const [name, [told, flops]] of Object.entries(costs))
      expect(Math.abs(flops / outcome - told), `${name}: ${(flops / outcome).toFixed(3)}, the page says ${told}`).toBeLessThan(0.015)
  } finally {
    context.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
