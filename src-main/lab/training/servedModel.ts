// A model that another program serves, on record: where it is spoken to, what it is called there, and the tokenizer that its text is read with, whose
// files are copied into the workspace. No weights of it are here; what is asked of it goes to its address.
import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { LabError, type Model } from '../../../src-preload/contract.ts'
import { openFolderTokenizer } from '../../model/tokenizers/huggingFace.ts'
import type { TextTokenizer } from '../../model/tokenizers/tokenizer.ts'
import { servedAddress, type ServedAddress } from '../../served/address.ts'
import { findAbilities, type Abilities } from '../../served/abilities.ts'
import { CLIENT_DEFAULTS, openClient, type ClientOptions } from '../../served/client.ts'
import { openJournal, type Journal } from '../../served/journal.ts'
import { servedSampler } from '../../served/sampler.ts'
import type { Sampler } from '../../rollout/sampler.ts'
import type { Store } from '../../store/openStore.ts'
import { modelOf, tokenizerOf, vocabSizeOf } from './start.ts'

/** Files of a tokenizer as Hugging Face keeps them; the first is needed. */
const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'generation_config.json', 'config.json'] as const
const JOURNALS = 'served'
const TRIAL = 'The capital of France is'

export interface ServedRequest {
  /** As a person writes it. */
  readonly address: string
  readonly leavesMachine: boolean
  /** What the server calls the model. */
  readonly name: string
  /** `model:<id>` of a model of text in this workspace, or a folder with tokenizer.json. */
  readonly tokenizer: string
  /** Variable of the environment that holds the key of the server; null without one. The key itself is never kept. */
  readonly keyFrom: string | null
}

/** What a record of a served model says, as its provenance. */
export interface ServedRecord {
  readonly address: string
  readonly thisMachine: boolean
  readonly keyFrom: string | null
  /** Contents of the model of this workspace whose tokenizer it is, by their hash; null where the tokenizer lies with the record. */
  readonly tokenizer: string | null
  readonly abilities: Abilities
}

const recordOf = ({ provenance }: Model): ServedRecord => provenance as unknown as ServedRecord

/** What provenance calls it. */
export const servedTitle = (model: Model): string => `${model.name} at ${recordOf(model).address}`

interface Speaking {
  readonly tokenizer: TextTokenizer
  readonly vocabSize: number
}

/**
 * Asks a server what it can do and puts it on record, or finds the record that is there. Throws LabError `served.address`, `served.away`,
 * `served.tokenizer`, `served.keyFrom`, and what asking a server throws (`served.lost`, `served.unknown`, `served.refused`, `served.key`).
 */
export async function connectModel(
  store: Store,
  request: ServedRequest,
  now: () => number,
  signal?: AbortSignal,
): Promise<{ readonly modelId: number; readonly abilities: Abilities }> {
  const address = servedAddress(request.address, request.leavesMachine)
  const [, modelId] = /^model:(.+)$/.exec(request.tokenizer) ?? []
  const folder = modelId === undefined ? resolve(request.tokenizer) : null
  if (folder !== null && !(await stat(join(folder, TOKENIZER_FILES[0])).catch(() => null))?.isFile())
    throw new LabError('served.tokenizer', {
      expected: 'the tokenizer of the model that is served: model:<id> of a model of text here, or a folder with tokenizer.json',
      found: request.tokenizer,
      next: 'Download tokenizer.json and tokenizer_config.json of that model into a folder; its weights are not needed.',
    })
  const speaking = folder === null ? await ofModel(modelOf(store, request.tokenizer), store) : await ofFolder(folder)
  const client = openClient({ url: address.url, name: request.name }, wordsOf(speaking.tokenizer), {
    ...CLIENT_DEFAULTS,
    tries: 3,
    key: keyOf(request.keyFrom),
  })
  const abilities = await findAbilities(client, trialOf(speaking.tokenizer), signal)
  const owner = folder === null ? modelOf(store, request.tokenizer).sha256 : null
  const identity = identityOf(address, request, owner ?? (await readFile(join(folder!, TOKENIZER_FILES[0]))))
  const known = store.models.bySha256(identity)
  if (known !== null) return { modelId: known.id, abilities }
  const place = join('models', identity.slice(0, 32))
  if (folder !== null) {
    await mkdir(join(store.folder, place), { recursive: true })
    for (const file of TOKENIZER_FILES)
      if ((await stat(join(folder, file)).catch(() => null))?.isFile()) await copyFile(join(folder, file), join(store.folder, place, file))
  }
  const record: ServedRecord = {
    address: address.url,
    thisMachine: address.thisMachine,
    keyFrom: request.keyFrom,
    tokenizer: owner,
    abilities,
  }
  return {
    modelId: store.models.add({
      name: request.name,
      kind: 'served',
      family: 'served',
      config: { vocabSize: speaking.vocabSize },
      tokenizer: { vocabSize: speaking.vocabSize, task: null },
      parameterCount: 0,
      bytes: 0,
      path: place,
      sha256: identity,
      provenance: record as never,
      createdAtMs: now(),
    }),
    abilities,
  }
}

/** @param tokenizer contents: an id would be another model's once that is removed, and in another workspace */
function identityOf({ url }: ServedAddress, { name }: ServedRequest, tokenizer: string | Buffer): string {
  return createHash('sha256').update(`served\n${url}\n${name}\n`).update(tokenizer).digest('hex')
}

async function ofModel(model: Model, store: Store): Promise<Speaking> {
  const tokenizer = await tokenizerOf(store, model)
  if (tokenizer !== null) return { tokenizer, vocabSize: vocabSizeOf(model) }
  throw new LabError('served.tokenizer', {
    expected: 'a model of text, whose tokenizer is that of the model that is served',
    found: `${model.name}, which has none`,
    next: 'Give a folder with tokenizer.json of that model.',
  })
}

async function ofFolder(folder: string): Promise<Speaking> {
  const tokenizer = await openFolderTokenizer(folder)
  return { tokenizer, vocabSize: tokenizer.size }
}

function keyOf(variable: string | null): string | null {
  if (variable === null) return null
  // A file of another system ends its lines with what no header may hold.
  const key = process.env[variable]?.trim() ?? ''
  if (key !== '' && /^[\x20-\x7e]+$/.test(key)) return key
  throw new LabError('served.keyFrom', {
    expected: `a key for the server in the variable ${variable} of the environment`,
    found: key === '' ? 'none' : 'one with characters that no key has',
    next: `Set it before the program starts: export ${variable}=…`,
  })
}

const wordsOf = (tokenizer: TextTokenizer) => {
  let ids: Map<string, number> | null = null
  return {
    idOf(bytes: Uint8Array): number | undefined {
      if (ids === null) {
        ids = new Map()
        for (let id = tokenizer.size - 1; id >= 0; id--) ids.set(Buffer.from(tokenizer.piece(id)).toString('latin1'), id)
      }
      return ids.get(Buffer.from(bytes).toString('latin1'))
    },
  }
}

const trialOf = (tokenizer: TextTokenizer) => {
  const tokens = [...(tokenizer.bos === null ? [] : [tokenizer.bos]), ...tokenizer.encode(TRIAL)]
  return { tokens, text: TRIAL, toText: (ids: readonly number[]) => tokenizer.decode(ids) }
}

/** The tokenizer of a served model. Throws LabError `served.tokenizer` where it is gone. */
export async function speakingOf(store: Store, model: Model): Promise<Speaking> {
  const { tokenizer } = recordOf(model)
  if (tokenizer === null) return ofFolder(join(store.folder, model.path))
  const owner = store.models.bySha256(tokenizer)
  if (owner !== null) return ofModel(owner, store)
  throw new LabError('served.tokenizer', {
    expected: `the model whose tokenizer ${model.name} is read with, in this workspace`,
    found: 'none',
    next: 'Connect the served model anew with a tokenizer that is here.',
  })
}

export interface ServedAnswerer extends Speaking {
  readonly model: Model
  /** Longest text in tokens; null where the server does not say. */
  readonly maxLength: number | null
  /** @param temperature at which J is asked for */
  sampler(temperature: number): Sampler
  /** The work is done: answers that were kept for it are let go. */
  done(): void
}

/**
 * A served model ready to be asked. Its answers are kept until `done`, by what the work is called: the same work begun again asks only for the rest.
 * Throws what asking its server for what it can do throws.
 */
export async function openServed(
  store: Store,
  model: Model,
  work: string,
  options: Partial<ClientOptions> = {},
  signal?: AbortSignal,
): Promise<ServedAnswerer> {
  const record = recordOf(model)
  const speaking = await speakingOf(store, model)
  const journal: Journal | null =
    store.access.mode === 'read'
      ? null
      : openJournal(
          join(store.folder, JOURNALS, `${createHash('sha256').update(`${model.sha256} ${work}`).digest('hex').slice(0, 32)}.jsonl`),
        )
  const words = wordsOf(speaking.tokenizer)
  const settings = { ...CLIENT_DEFAULTS, ...options, key: keyOf(record.keyFrom) }
  const served = { url: record.address, name: model.name }
  const abilities = await findAbilities(openClient(served, words, settings), trialOf(speaking.tokenizer), signal)
  const client = openClient(served, words, { ...settings, ...(journal && { journal }) })
  return {
    ...speaking,
    model,
    maxLength: abilities.maxLength,
    sampler: (temperature) =>
      servedSampler(
        client,
        abilities,
        { toText: (tokens) => speaking.tokenizer.decode(tokens), encode: (text) => [...speaking.tokenizer.encode(text)] },
        temperature,
      ),
    done: () => journal?.done(),
  }
}
