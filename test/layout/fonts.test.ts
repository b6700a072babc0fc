// The bundled fonts are the files that their README names, and their licences lie where the program's licences lie.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const folder = join(root, 'src-renderer/style/fonts')

it('every font file has the hash that is written beside it, is used, and is under the licence that is packed', () => {
  const told = new Map(
    [...readFileSync(join(folder, 'README.md'), 'utf8').matchAll(/\| `(.+?)` \| `([0-9a-f]{64})` \|/g)].map(([, name, hash]) => [
      name,
      hash,
    ]),
  )
  const files = readdirSync(folder).filter((name) => name.endsWith('.woff2'))
  expect(
    Object.fromEntries(
      files.map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex'),
      ]),
    ),
  ).toEqual(Object.fromEntries(told))
  const css = readFileSync(join(folder, '../fonts.css'), 'utf8')
  for (const name of files) expect(css).toContain(`./fonts/${name}`)
  for (const licence of ['inter', 'jetbrains-mono'])
    expect(readFileSync(join(root, 'resources/licences', `${licence}.txt`), 'utf8')).toContain('SIL OPEN FONT LICENSE Version 1.1')
})
