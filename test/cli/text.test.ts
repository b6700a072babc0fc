// What the terminal shows: progress, tables, plots, and how failures read.
import { describe, expect, it } from 'vitest'
import { LabError } from '../../src-preload/contract.ts'
import type { ProgressReport } from '../../src-preload/contract.ts'
import { describeFailure } from '../../src-main/cli/failure.ts'
import { assign, specFrom } from '../../src-main/cli/options.ts'
import { plotText } from '../../src-main/cli/plot.ts'
import { bytesText, countText, durationText, openProgress, progressText } from '../../src-main/cli/progress.ts'
import { tableText } from '../../src-main/cli/table.ts'

const report = (done: number, more: Partial<ProgressReport> = {}): ProgressReport => ({
  job: 'run 1',
  label: 'MRT-exact',
  done,
  total: 40,
  unit: 'steps',
  etaMs: 31_000,
  tokensPerSecond: 18_230,
  memoryBytes: 1.1e9,
  atMs: 0,
  ...more,
})

describe('the progress line', () => {
  it('says what is done, what is left, how fast and how large', () => {
    expect(progressText(report(10))).toBe(`MRT-exact  ${'█'.repeat(6)}${'░'.repeat(18)}  10/40 steps  0:31 left  18.2k tokens/s  1.1 GB`)
  })

  it('leaves out what is not known yet', () => {
    expect(progressText(report(0, { total: null, etaMs: null, tokensPerSecond: null, memoryBytes: null }))).toBe('MRT-exact  0 steps')
  })

  it('rewrites its line where a person watches and never more often than every 100 ms', () => {
    const written: string[] = []
    let now = 0
    const line = openProgress({ write: (text) => written.push(text), isTTY: true, columns: 200 }, () => now)
    for (now = 0; now < 1000; now += 10) line.show(report(5))
    expect(written.length).toBe(10)
    expect(written.every((text) => text.startsWith('\r'))).toBe(true)
  })

  it('writes a plain line now and then into a file, and always the last one', () => {
    const written: string[] = []
    let now = 0
    const line = openProgress({ write: (text) => written.push(text) }, () => now)
    for (now = 0; now < 12_000; now += 100) line.show(report(5))
    line.show(report(40))
    expect(written.length).toBe(4)
    expect(written.at(-1)).toContain('40/40 steps')
    expect(written.every((text) => text.endsWith('\n') && !text.includes('\r'))).toBe(true)
  })

  it.each([
    [0, '0:00'],
    [75_000, '1:15'],
    [7_390_000, '2:03:10'],
  ])('writes %d ms as %s', (ms, text) => expect(durationText(ms)).toBe(text))
  it.each([
    [950, '950'],
    [18_230, '18.2k'],
    [3_400_000, '3.4M'],
  ])('writes %d as %s', (value, text) => expect(countText(value)).toBe(text))
  it.each([
    [2_500_000, '3 MB'],
    [1_100_000_000, '1.1 GB'],
  ])('writes %d bytes as %s', (value, text) => expect(bytesText(value)).toBe(text))
})

describe('a table', () => {
  it('aligns text to the left and numbers to the right', () => {
    expect(
      tableText(
        [
          { title: 'name', align: 'left', cell: (row: [string, number]) => row[0] },
          { title: 'tokens', cell: (row) => String(row[1]) },
        ],
        [
          ['a', 5],
          ['longer', 120],
        ],
      ),
    ).toBe(['name     tokens', '───────────────', 'a             5', 'longer      120'].join('\n'))
  })
})

describe('a plot', () => {
  it('puts every point of a series at its place and names its ends', () => {
    const text = plotText([{ name: 'up', mark: 'u', x: [0, 10], y: [0, 1] }], { width: 11, height: 3, xTitle: 'x', yTitle: 'y' })
    expect(text.split('\n')).toEqual([
      'y',
      '1.00 ┤        ··u',
      '0.50 ┤   ·····',
      '0.00 ┤u··',
      '     └───────────',
      '      0        10',
      '      x',
      'u up',
    ])
  })

  it('marks where extrapolation begins', () => {
    expect(
      plotText([{ name: 'a', mark: 'a', x: [0, 10], y: [0, 1] }], { width: 11, height: 3, xTitle: '', yTitle: '', extrapolatedFrom: 5 }),
    ).toContain('┊')
  })
})

describe('a failure', () => {
  it("tells a person's mistake in three lines and exits with 2", () => {
    const failure = describeFailure(new LabError('run.preset', { expected: 'a preset', found: 'x', next: 'Choose one.' }), false)
    expect(failure).toEqual({ exitCode: 2, text: 'error run.preset\n  expected  a preset\n  found     x\n  next      Choose one.' })
  })

  it('tells a bug of ours in one line without its stack, which it keeps in a file, and exits with 70', () => {
    let kept = ''
    const failure = describeFailure(new TypeError('compared 1 with 2'), false, (details) => ((kept = details), 'there.txt'))
    expect(failure).toEqual({
      exitCode: 70,
      text: 'This is a bug in MRT Workbench, not your mistake: TypeError: compared 1 with 2\n  details   there.txt',
    })
    expect(kept).toContain('    at ')
  })

  it.each([
    ['ENOSPC', 'disk.full'],
    ['EDQUOT', 'disk.full'],
    ['EIO', 'disk.io'],
    ['EROFS', 'disk.readOnly'],
    ['EACCES', 'disk.denied'],
  ])('tells what a disk refuses (%s) as %s, with the file and what to do', (code, told) => {
    const { exitCode, text } = describeFailure(Object.assign(new Error(`${code}: write`), { code, path: '/data/x' }), false)
    expect([exitCode, text.startsWith(`error ${told}\n`), text.includes('/data/x'), text.includes('    at ')]).toEqual([
      2,
      true,
      true,
      false,
    ])
  })

  it('exits with 130 when it was cancelled', () => expect(describeFailure(new Error('aborted'), true).exitCode).toBe(130))
})

describe('a specification on the command line', () => {
  it('starts from a preset and takes changes by dotted key', () => {
    const spec = specFrom('countdown-mrt-exact')
    for (const text of ['optimizer.lr=1e-4', 'algorithm.options.alpha=0.5', 'name=half alpha']) assign(spec, text)
    expect(spec).toMatchObject({
      preset: 'countdown-mrt-exact',
      optimizer: { lr: 1e-4 },
      algorithm: { name: 'mrt-exact', options: { alpha: 0.5 } },
      name: 'half alpha',
    })
  })

  it('leaves the preset as it was', () => {
    assign(specFrom('countdown-mrt-exact'), 'algorithm.options.alpha=0.5')
    expect(specFrom('countdown-mrt-exact')).toMatchObject({ algorithm: { name: 'mrt-exact' } })
    expect(JSON.stringify(specFrom('countdown-mrt-exact'))).not.toContain('0.5')
  })

  it.each([
    ['nonsense', 'run.preset'],
    ['/nowhere/spec.json', 'run.file'],
  ])('refuses %s with %s', (name, code) => {
    expect(() => specFrom(name)).toThrow(expect.objectContaining({ code }))
  })
})
