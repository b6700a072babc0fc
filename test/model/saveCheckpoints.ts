// A process that saves checkpoints into the folder of its first argument, one after the other, until it is killed.

import { saveCheckpoint } from '../../src-main/model/checkpoint.ts'

for (let step = 0; ; step++) {
  await saveCheckpoint(process.argv[2]!, {
    config: {},
    tensors: new Map([['w', { dims: [200_000], data: new Float32Array(200_000).fill(step) }]]),
    meta: { step },
  })
  if (step === 0) console.log('saving')
}
