// The list that tests walk the workbench by names every page there is.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import { pagePaths } from '../e2e/everyPage.ts'

it('every route of the workbench is walked, and every path leads to one', () => {
  const table = readFileSync(resolve(import.meta.dirname, '../../src-renderer/state/route.svelte.ts'), 'utf8')
  const routes = [...table.matchAll(/\bpath: '([^']*)',\s*main:/g)].map(([, path]) => path)
  expect(routes.length).toBeGreaterThan(8)
  const walked = pagePaths.map((path) => /^#\/([^/?]*)/.exec(path)?.[1])
  expect(new Set(walked)).toEqual(new Set(routes))
})
