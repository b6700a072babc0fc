// The thread behind cutTexts.ts: a person's regular expressions run here, because one may take for ever; the thread is then ended from outside.

import { parentPort } from 'node:worker_threads'
import { cutTexts } from '../../episodes/cutsOfRule.ts'
import type { TextRule } from '../../episodes/segmentText.ts'

export interface CutQuestion {
  readonly texts: readonly string[]
  readonly rule: TextRule
}

parentPort!.on('message', (message: CutQuestion | 'start') => {
  parentPort!.postMessage(message === 'start' ? 'open' : cutTexts(message.texts, message.rule))
})
