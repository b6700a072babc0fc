// llama.cpp as a peer, compiled for this machine by llama-cpp-python, once, into the environment of the other peers.
import { spawnSync } from 'node:child_process'
import { openPeer, peerPython, type Peer } from './python.ts'

const PACKAGE = 'llama-cpp-python'
const VERSION = '0.3.36'
/** Of what the package can compile, what runs a model on the processor. */
const PARTS = ['GGML_NATIVE=ON', 'LLAMA_CURL=OFF', 'LLAVA_BUILD=OFF', 'MTMD_BUILD=OFF']

/** Starts a process that answers for llama.cpp. Throws where it cannot be had. */
export function openLlama(threads: number): Peer {
  const python = peerPython()
  const found = spawnSync(python, ['-c', 'import llama_cpp; print(llama_cpp.__version__)'], { encoding: 'utf8' })
  if (found.status !== 0 || found.stdout.trim() !== VERSION) {
    console.error('· compiling llama.cpp, once; it takes some minutes')
    const { status } = spawnSync(
      python,
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-binary', PACKAGE, `${PACKAGE}==${VERSION}`],
      { stdio: ['ignore', 2, 2], env: { ...process.env, CMAKE_ARGS: PARTS.map((part) => `-D${part}`).join(' ') } },
    )
    if (status !== 0) throw new Error(`pip could not compile ${PACKAGE} ${VERSION}; it needs a C++ compiler`)
  }
  return openPeer('llama.py', [String(threads)], threads)
}
