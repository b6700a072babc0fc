// The child process of runOnWebgpu in ort.ts: runs <directory>/<i>.onnx on <i>.json, writes <i>.out.json.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runJob } from './ort.ts'
import type { Job } from './ort.ts'
import { packed } from './reference.ts'

const [directory, jobs] = process.argv.slice(2)
for (let i = 0; i < Number(jobs); i++) {
  const feeds = JSON.parse(readFileSync(join(directory, `${i}.json`), 'utf8')) as Job['feeds']
  const results = await runJob({ model: readFileSync(join(directory, `${i}.onnx`)), feeds }, 'webgpu').catch((error: Error) => {
    throw new Error(`graph ${i}: ${error.message}`, { cause: error })
  })
  const plain = Object.fromEntries(Object.entries(results).map(([name, result]) => [name, { shape: result.shape, data: packed(result) }]))
  writeFileSync(join(directory, `${i}.out.json`), JSON.stringify(plain))
}
