// What a start, a second start, the system's "open with" and a link ask for.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { debuggingSwitch, readArguments } from '../../src-main/opening.ts'
import { openObituaries } from '../../src-main/lab/process/utilityLab.ts'

const home = mkdtempSync(join(tmpdir(), 'mrt-opening-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))
const study = join(home, 'study')
const rows = join(home, 'rows.jsonl')
mkdirSync(study)
writeFileSync(join(study, 'workspace.db'), '')
writeFileSync(rows, '{}')

describe('words after the name of the program', () => {
  it('name a workspace by its folder, by its database, or by an option', () => {
    for (const args of [[study], [join(study, 'workspace.db')], ['--workspace', study], ['--some-switch', study]])
      expect(readArguments(args), args.join(' ')).toEqual({ folder: study, files: [], route: null })
    expect(readArguments(['--workspace', join(home, 'new')]).folder).toBe(join(home, 'new'))
  })

  it('name files to import beside a workspace; what does not exist is left out', () => {
    expect(readArguments([rows, study, join(home, 'nothing.csv')])).toEqual({ folder: study, files: [rows], route: null })
  })

  it('lead to a place by a link of ours, and nowhere by any other', () => {
    expect(readArguments(['mrt-workbench://run/3']).route).toBe('/run/3')
    expect(readArguments(['mrt-workbench://compare']).route).toBe('/compare')
    for (const link of [
      'mrt-workbench://evil',
      'mrt-workbench://run/3/../../x',
      'mrt-workbench://run/<script>',
      'https://run/3',
      'mrt-workbench:javascript:alert(1)',
    ])
      expect(readArguments([link]).route, link).toBeNull()
  })
})

it('the installed application takes no switch that lets another program drive it', () => {
  for (const given of [
    '--remote-debugging-port=9222',
    '--remote-debugging-pipe',
    '--inspect',
    '--inspect-brk=1',
    '--js-flags=--expose-gc',
    '--no-sandbox',
  ])
    expect(debuggingSwitch(['app', given])).toBe(given)
  expect(debuggingSwitch(['app', '--workspace', '/inspect', '--force-device-scale-factor=1'])).toBeNull()
})

describe('why a process ended', () => {
  it('is told whether the reason comes before the end or after it, and is never the reason of an earlier one', async () => {
    const obituaries = openObituaries(20)
    obituaries.tell('killed')
    expect(await obituaries.reason()).toBe('killed')
    const later = obituaries.reason()
    obituaries.tell('crashed')
    expect(await later).toBe('crashed')
    expect(await obituaries.reason()).toBeNull()
    obituaries.tell('oom')
    obituaries.forget()
    expect(await obituaries.reason()).toBeNull()
  })
})
