// Writes beside a bundle the licences of the libraries that it took in: their files are gone from the bundle, their terms must not be.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'

/** Folder of the package that a module belongs to; null for our own. */
const packageOf = (id: string): string | null => /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id.replaceAll('\\', '/'))?.[1] ?? null

function noticeOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, string>
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each))
  return `${name} ${version} (${license})\n\n${file === undefined ? 'Its package holds no text of its licence.' : readFileSync(join(folder, file), 'utf8').trim()}`
}

export const licences: Plugin = {
  name: 'licences',
  apply: 'build',
  generateBundle(_options, bundle) {
    const modules = Object.values(bundle).flatMap((each) => (each.type === 'chunk' ? each.moduleIds : []))
    const folders = new Set(modules.map(packageOf).filter((folder) => folder !== null))
    if (folders.size > 0) this.emitFile({ type: 'asset', fileName: 'licences.txt', source: `${[...folders].sort().map(noticeOf).join(`\n\n${'-'.repeat(100)}\n\n`)}\n` })
  },
}
