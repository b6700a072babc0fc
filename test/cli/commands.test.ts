// The commands as a person runs them: real processes on a temporary workspace, from the quickstart to a comparison and the refusals.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'mrt-cli-'))
const workspace = join(folder, 'workspace')
/** Where runs beside those of the quickstart are made. */
const other = join(folder, 'other')
writeFileSync(
  join(folder, 'spec.json'),
  JSON.stringify({
    name: 'from a file',
    algorithm: { name: 'rloo' },
    promptsPerStep: 2,
    groupSize: 2,
    evaluation: { problems: 4, samples: 2 },
  }),
)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function mrt(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, '../../src-main/cli.ts'), ...args], {
    encoding: 'utf8',
    cwd: folder,
  })
  return { status, stdout, stderr, json: <T = unknown>() => JSON.parse(stdout.trim().split('\n').at(-1)!) as T }
}

describe('the command line', () => {
  let quickstart: ReturnType<typeof mrt>
  beforeAll(() => {
    quickstart = mrt('quickstart', '--steps', '1', '--problems', '8', '--samples', '2', '--no-open', '--json', '--workspace', workspace)
  })

  it('runs the quickstart and ends with one JSON object of runs, comparisons and timing', () => {
    expect(quickstart.stderr).not.toContain('error')
    expect(quickstart.status).toBe(0)
    const {
      runs,
      comparisons,
      timing,
      workspace: where,
    } = quickstart.json<{ runs: { method: string }[]; comparisons: { metric: string }[]; timing: { totalMs: number }; workspace: string }>()
    expect(where).toBe(workspace)
    expect(runs.map((run) => run.method)).toEqual(['outcome', 'length', 'mrt-exact'])
    expect(runs[0]).toEqual({
      id: 1,
      name: 'outcome RL',
      method: 'outcome',
      seed: 1,
      steps: 1,
      accuracy: expect.any(Number),
      accuracyCi: [expect.any(Number), expect.any(Number)],
      meanTokens: expect.any(Number),
      regret: expect.objectContaining({ 120: expect.any(Number) }),
    })
    expect(new Set(comparisons.map((each) => each.metric))).toEqual(new Set(['accuracy', 'meanTokens', 'regret']))
    expect(comparisons[0]).toEqual({
      a: 'outcome RL',
      b: expect.any(String),
      metric: expect.any(String),
      difference: expect.any(Number),
      ci: expect.any(Array),
      p: expect.any(Number),
    })
    expect(timing.totalMs).toBeGreaterThan(0)
  })

  it('prints a table with intervals and a plot for people', () => {
    for (const text of ['outcome RL', 'length penalty', 'MRT-exact', '±', 'thinking budget in tokens'])
      expect(quickstart.stdout).toContain(text)
  })

  it('shows progress while it works', () => expect(quickstart.stderr).toMatch(/MRT-exact, seed 1 .*1\/1 steps/))

  it('lists what it made', () => {
    const { runs } = mrt('runs', '--workspace', workspace, '--json').json<{ runs: { status: string; steps: number }[] }>()
    expect(runs.map(({ status, steps }) => [status, steps])).toEqual([
      ['finished', 1],
      ['finished', 1],
      ['finished', 1],
    ])
  })

  it('compares runs that are there and refuses one that is not', () => {
    expect(
      mrt('compare', '1', '3', '--workspace', workspace, '--json').json<{ comparisons: unknown[] }>().comparisons.length,
    ).toBeGreaterThan(0)
    const refused = mrt('compare', '1', '99', '--workspace', workspace)
    expect([refused.status, refused.stderr.split('\n')[0]]).toEqual([2, 'error run.unknown'])
  })

  it('refuses a port that no machine has before anything is served', () => {
    const refused = mrt('serve', '--workspace', workspace, '--port', '99999')
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('a whole number from 0 to 65535')])
  })

  it('trains a specification from a file with changes on the command line', () => {
    const run = mrt(
      'run',
      '--preset',
      join(folder, 'spec.json'),
      '--steps',
      '1',
      '--seed',
      '9',
      '--set',
      'optimizer.lr=1e-5',
      '--workspace',
      other,
      '--json',
    )
    expect(run.json()).toMatchObject({ run: { name: 'from a file', method: 'outcome', seed: 9, status: 'finished', steps: 1 } })
  })

  it('ends on Ctrl-C in the middle of a training with a sentence and exit code 130, not with a stack', async () => {
    const child = spawn(
      process.execPath,
      [
        join(import.meta.dirname, '../../src-main/cli.ts'),
        'run',
        '--preset',
        join(folder, 'spec.json'),
        '--steps',
        '500',
        '--workspace',
        other,
      ],
      { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (/[1-9]\d*\/500 steps/.test(text)) child.kill('SIGINT')
    })
    const code = await new Promise((done) => child.once('exit', done))
    expect(code).toBe(130)
    expect(said).toContain('Cancelled.')
    expect(said).not.toContain('    at ')
  })

  it('writes rollouts as TRL names them, into a file or a folder of steps', () => {
    const file = join(folder, 'out.parquet')
    const written = mrt(
      'export',
      '--run',
      '1',
      '--what',
      'rollouts',
      '--as',
      'trl',
      '--format',
      'parquet',
      '--out',
      file,
      '--json',
      '--workspace',
      workspace,
    )
    expect([written.stderr.includes('error'), written.status]).toEqual([false, 0])
    expect(written.json()).toEqual({ kind: 'rollouts', file, bytes: statSync(file).size, rows: expect.any(Number), workspace })
    mrt('export', '--run', '1', '--as', 'verl', '--per-step', '--out', join(folder, 'verl'), '--workspace', workspace)
    expect(readdirSync(join(folder, 'verl'))).toEqual(['1.jsonl'])
    expect(mrt('export', '--run', '1', '--what', 'metrics', '--workspace', workspace).stdout).toContain(
      join(folder, 'run-1-outcome-RL-metrics.jsonl'),
    )
  })

  it('takes over the runs of another workspace once', () => {
    const into = join(folder, 'into')
    const first = mrt('merge', workspace, '--into', into, '--json').json<{ runs: unknown[]; added: { rollouts: number } }>()
    expect(first.runs.length).toBe(3)
    expect(first.added.rollouts).toBeGreaterThan(0)
    expect(mrt('merge', workspace, '--into', into, '--json').json()).toMatchObject({ runs: [], added: { rollouts: 0 } })
    expect(mrt('merge', workspace, '--into', into, '--list').stdout).toContain('MRT-exact')
  })

  it.each([
    [['export', '--what', 'metrics'], 2, 'error export.option'],
    [['export', '--run', '99'], 2, 'error run.unknown'],
    [['run', '--preset', 'nonsense'], 2, 'error run.preset'],
    [['runs', '--workspace', '/nowhere/at/all'], 2, 'error workspace.missing'],
    [['resume', '99'], 2, 'error run.unknown'],
    [['fly'], 2, "error: unknown command 'fly'"],
  ])('refuses %j with exit code %d', (args, status, line) => {
    const refused = mrt(...args, ...(args.includes('--workspace') || args[0] === 'fly' ? [] : ['--workspace', workspace]))
    expect([refused.status, refused.stderr.split('\n')[0]]).toEqual([status, line])
  })

  it('explains every command', () => {
    for (const command of [
      'quickstart',
      'run',
      'resume',
      'evaluate',
      'runs',
      'compare',
      'devices',
      'serve',
      'starter',
      'export',
      'report',
      'merge',
    ]) {
      const help = mrt(command, '--help')
      expect([command, help.status]).toEqual([command, 0])
      expect(help.stdout).toContain('Usage: mrt ' + command)
    }
  })
})
