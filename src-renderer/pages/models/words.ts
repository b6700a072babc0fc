/** What kinds of models are called on screen. */
import type { Model } from '../../../src-preload/contract.ts'

export const kindWords: Readonly<Record<Model['kind'], string>> = {
  starter: 'starter model',
  scratch: 'from scratch',
  huggingface: 'Hugging Face',
  gguf: 'GGUF file',
  checkpoint: 'checkpoint',
  served: 'served elsewhere',
}
