// Every study that has a name was worked on, and its page follows from the record that ships with the program.
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { StudyRecord } from '../../src-main/lab/study/record.ts'
import { studyPresets } from '../../src-main/lab/study/presets.ts'
import { renderReport } from '../../src-main/lab/study/report.ts'
import { expectIntervals, expectMeans } from '../lab/studyFigures.ts'

const root = resolve(import.meta.dirname, '../..')
const names = Object.keys(studyPresets).filter((name) => name !== 'headline')

describe('docs/studies', () => {
  it('has a page and a record of every study; the headline has a page of its own', () => {
    expect(readdirSync(join(root, 'docs/studies'))).toEqual(expect.arrayContaining(names.map((name) => `${name}.md`)))
    expect(readdirSync(join(root, 'resources/study'))).toEqual(expect.arrayContaining(names.map((name) => `${name}.json`)))
  })

  describe.each(names)('the page of the study %s', (name) => {
    const record = JSON.parse(readFileSync(join(root, `resources/study/${name}.json`), 'utf8')) as StudyRecord
    const page = readFileSync(join(root, `docs/studies/${name}.md`), 'utf8')

    it('is the report of its record, to the letter', () => expect(renderReport(record)).toBe(page))
    it('holds every arm that the study has, each with a run to its end', () => {
      expect(record.arms.map(({ key }) => key)).toEqual(studyPresets[name]!.arms.map(({ key }) => key))
      const finished = new Set(record.cells.filter(({ status }) => status === 'finished').map(({ arm }) => arm))
      expect(record.arms.filter(({ key }) => !finished.has(key))).toEqual([])
    })
    it('prints the means that follow from the values by problem', () => expectMeans(record, page))
    it('prints the intervals that plain resampling of clusters, problems and seeds gives', () => {
      expect(expectIntervals(record, page)).toBeGreaterThanOrEqual(record.arms.length * 4)
    })
  })
})
