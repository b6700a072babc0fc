// One contestant of the benchmark of imports, in a process of its own: walks a file, counts its rows, and tells time and peak of memory.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { importFiles } from '../src-main/data/importFiles.ts'

export type Contestant = 'readline' | 'import'

export interface Brought {
  readonly ms: number
  readonly rows: number
  /** Most that the process held, its program included. */
  readonly peakBytes: number
}

const contestants: Readonly<Record<Contestant, (file: string) => Promise<number>>> = {
  async readline(file) {
    let rows = 0
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      JSON.parse(line)
      rows++
    }
    return rows
  },
  async import(file) {
    const incoming = importFiles([file])
    for await (const batch of incoming)
      if (batch.rejected.length > 0)
        throw new Error(`line ${batch.rejected[0]!.line} of ${file} was rejected: ${batch.rejected[0]!.reason}`)
    return incoming.report().imported
  },
}

const [contestant, file] = process.argv.slice(2) as [Contestant, string]
const began = performance.now()
const rows = await contestants[contestant](file)
process.send!({ ms: performance.now() - began, rows, peakBytes: process.resourceUsage().maxRSS * 1024 } satisfies Brought)
process.disconnect()
