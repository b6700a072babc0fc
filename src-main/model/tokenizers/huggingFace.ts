// The tokenizer of a Hugging Face folder: tokenizer.json, what tokenizer_config.json says about its marks and template (which newer folders
// keep in chat_template.jinja), and the ids that end a turn from generation_config.json or config.json.
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { modelRefusal, type Fields } from '../families.ts'
import type { TokenizerJson } from './json.ts'
import { openTokenizer, type TextTokenizer } from './tokenizer.ts'

const LARGEST = 200 * 2 ** 20

async function optional(path: string): Promise<string | null> {
  try {
    if ((await stat(path)).size > LARGEST)
      throw modelRefusal('model.tokenizer', `at most ${LARGEST} bytes in ${path}`, 'more', 'Fetch the model again.')
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

async function fields(path: string): Promise<Fields> {
  const text = await optional(path)
  if (text === null) return {}
  try {
    const read: unknown = JSON.parse(text)
    if (read !== null && typeof read === 'object' && !Array.isArray(read)) return read as Fields
  } catch {
    // Said below, in the same words as for JSON that is no object.
  }
  throw modelRefusal('model.tokenizer', `a JSON object in ${path}`, 'something else', 'Fetch the model again; the file is not whole.')
}

/** Throws ModelFileError `model.tokenizer`, `model.template`. */
export async function openFolderTokenizer(folder: string): Promise<TextTokenizer> {
  const path = join(folder, 'tokenizer.json')
  const json = (await fields(path)) as unknown as TokenizerJson
  const vocab: unknown = (json as { model?: { vocab?: unknown } }).model?.vocab
  if (vocab === undefined || vocab === null || typeof vocab !== 'object')
    throw modelRefusal(
      'model.tokenizer',
      `tokenizer.json with a vocabulary in ${folder}`,
      Object.keys(json).length === 0 ? 'none' : 'one without',
      'Fetch the model with its tokenizer.json.',
    )
  const config = await fields(join(folder, 'tokenizer_config.json'))
  const idOf = (mark: unknown): number | null => {
    const text = typeof mark === 'string' ? mark : (mark as { content?: string } | null | undefined)?.content
    return text === undefined ? null : (json.added_tokens?.find(({ content }) => content === text)?.id ?? json.model.vocab[text] ?? null)
  }
  const ends = (stated: Fields): unknown[] => [stated.eos_token_id].flat()
  const [generation, model] = [await fields(join(folder, 'generation_config.json')), await fields(join(folder, 'config.json'))]
  const stopTokens = [
    ...new Set([...ends(generation), ...ends(model), idOf(config.eos_token)].filter((id): id is number => Number.isSafeInteger(id))),
  ]
  const template = (await optional(join(folder, 'chat_template.jinja'))) ?? templateOf(config.chat_template)
  return openTokenizer({
    json,
    config,
    template,
    stopTokens,
    bos: config.add_bos_token === true ? idOf(config.bos_token) : null,
    from: folder,
  })
}

/** One template, or the default of several named ones. */
function templateOf(stated: unknown): string | null {
  if (typeof stated === 'string') return stated
  if (!Array.isArray(stated)) return null
  const named = stated.find((each: { name?: unknown }) => each?.name === 'default') as { template?: unknown } | undefined
  return typeof named?.template === 'string' ? named.template : null
}
