// A text that a person asks an imported model for, from opening the model to closing it, told while it is written and kept nowhere.
import type { OwnClient } from '../../../src-preload/contract.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import { modelHere } from '../process/found.ts'
import { generateText, openTextModel } from './textModel.ts'

type Write = OwnClient['playground']['write']
export type WriteRequest = Parameters<Write>[0]
export type Written = Awaited<ReturnType<Write>>

/** Throws LabError `model.unknown`, `model.noText`, `model.tokenizer`, `model.template`, `generate.tooLong`, and what reading its files throws. */
export async function writeText(
  { store, engine }: LabContext,
  { key, modelId, prompt, system, raw, ...how }: WriteRequest,
  { signal, onEvent }: Pick<JobOptions, 'signal' | 'onEvent'>,
): Promise<Written> {
  const model = modelHere(modelId, store.models.get(modelId))
  const opened = await openTextModel(engine, store, model)
  try {
    const asItStands = raw || !opened.tokenizer.hasTemplate
    const asked = [...(system === null ? [] : [{ role: 'system' as const, content: system }]), { role: 'user' as const, content: prompt }]
    const began = performance.now()
    let text = ''
    const written = await generateText(
      engine,
      opened,
      { prompt: asItStands ? { text: prompt } : { messages: asked }, ...how },
      {
        ...(signal && { signal }),
        onText(piece, tokens) {
          text += piece
          const tokensPerSecond = (1000 * tokens) / Math.max(1, performance.now() - began)
          onEvent?.({ kind: 'playground', key, text, tokens, tokensPerSecond })
        },
      },
    )
    return { model: model.name, ...written }
  } finally {
    opened.dispose()
  }
}
