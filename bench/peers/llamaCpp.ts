// llama.cpp as a peer, by node-llama-cpp's prebuilt binaries: installed once into an ignored folder, never among the packages of the product.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asking, type Peer } from './python.ts'

export const LLAMA_VERSION = '3.22.1'
const FOLDER = join(import.meta.dirname, '..', '..', '.cache', 'peers', 'llama')
const BINARIES = {
  linux: `linux-${process.arch}`,
  darwin: process.arch === 'arm64' ? 'mac-arm64-metal' : 'mac-x64',
  win32: `win-${process.arch}`,
}

/** Starts a process that answers for llama.cpp. Throws where the package cannot be had. */
export function openLlama(threads: number): Peer {
  const binary = `@node-llama-cpp/${BINARIES[process.platform as keyof typeof BINARIES]}`
  if (!existsSync(join(FOLDER, 'node_modules', binary))) {
    mkdirSync(FOLDER, { recursive: true })
    writeFileSync(join(FOLDER, 'package.json'), '{"private":true}\n')
    console.error('· installing llama.cpp, once')
    const packages = ['node-llama-cpp', binary].map((name) => `${name}@${LLAMA_VERSION}`)
    const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional', ...packages], {
      cwd: FOLDER,
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    })
    if (status !== 0) throw new Error(`npm could not install ${packages.join(' and ')}`)
  }
  const child = spawn(process.execPath, [join(import.meta.dirname, 'llamaChild.ts'), FOLDER, String(threads)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  return asking(child.stdin, child.stdout)
}
