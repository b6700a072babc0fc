// Which rollouts answer the same problem. A problem is its prompt and its reference answer within its source (split and task): a bare id
// recurs across files, tasks, environments and phases, and a running row number differs for every sample of one prompt, so ids are
// evidence and names, not identity. Where prompt and id disagree, both readings are counted and shown, and the person chooses;
// by id, what a row says otherwise than the first row of its id is kept with the row.

import { createHash } from 'node:crypto'
import type { CanonicalRollout } from '../canonical.ts'
import type { NoteBook, NoteCode } from '../notes.ts'

export const identities = ['prompt', 'id'] as const
export type IdentityBy = (typeof identities)[number]

export interface IdentityFacts {
  readonly by: IdentityBy
  /** Problems there are by each reading. */
  readonly byPrompt: number
  readonly byId: number
  /** Ids that name more than one prompt, prompts with more than one id, and prompts with more than one reference answer. */
  readonly collisions: number
  readonly running: number
  readonly answers: number
  /** The first of each kind, in words. */
  readonly examples: readonly string[]
}

export interface Identity {
  /**
   * The rollout under the name of its problem, unique within the import. `line` is for the notes. `trusted` says that the row's prompt_id was
   * written by this program: two of them are two problems, though their prompts be the same.
   */
  place(rollout: CanonicalRollout, file: string, line: number, notes: NoteBook, trusted?: boolean): CanonicalRollout
  facts(): IdentityFacts
}

/** What is known of a row before it is told which problem it is of: enough to tell it again. */
export interface IdentityEntry {
  readonly source: string
  readonly content: string
  /** Its reference answer as JSON; '' where it names none. */
  readonly answer: string
  readonly wanted: string
  readonly split: string | null
  /** The id that the row states. */
  readonly stated: string | null
  readonly shown: string
}

export interface IdentityMemory {
  /** What was met in an earlier reading, in order. */
  readonly before?: Iterable<IdentityEntry>
  /** Told of every row that told something new. */
  readonly met?: (entry: IdentityEntry) => void
}

const EXAMPLES = 6
const SHOWN = 60
const TASK_FIELDS = ['task', 'data_source', 'env_id', 'environment', 'env', 'benchmark', 'task_name'] as const

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22)
const short = (text: string | undefined): string =>
  JSON.stringify(text === undefined ? '' : text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text)

/** Split, and the task or environment where the row names one: the same words asked elsewhere are another problem. */
function sourceOf({ split, extra }: CanonicalRollout): string {
  const task = TASK_FIELDS.map((name) => extra?.[name]).find((value) => typeof value === 'string' && value.length <= 200)
  return `${split ?? ''}\0${(task as string | undefined) ?? ''}`
}

/** The rollout under a problem's name; the id that its row states goes along where that is another. */
const named = (rollout: CanonicalRollout, key: string, stated: string | undefined): CanonicalRollout =>
  key === rollout.promptId
    ? rollout
    : { ...rollout, promptId: key, ...(stated !== undefined && { extra: { ...rollout.extra, stated_prompt_id: stated } }) }

interface Known {
  readonly key: string
  /** Its reference answer as JSON; '' until a row names one. */
  answer: string
  readonly shown: string
  id: string | undefined
}

/** Names that no two owners share: the wanted one where it is free, then with the split before it, then with a hash after it. */
function createNames(): (wanted: string, split: string | undefined, owner: string) => string {
  const owners = new Map<string, string>()
  return (wanted, split, owner) => {
    const hash = digest(owner).slice(0, 8)
    const tried = [wanted, ...(split === undefined ? [] : [`${split}/${wanted}`]), `${wanted}~${hash}`]
    for (let at = 0; ; at++) {
      const name = tried[at] ?? `${wanted}~${hash}~${at}`
      const known = owners.get(name)
      if (known === undefined) owners.set(name, owner)
      if (known === undefined || known === owner) return name
    }
  }
}

function entryOf(
  { prompt, promptTokenIds, promptId, groupId, step, groundTruth, split }: CanonicalRollout,
  source: string,
  file: string,
  trusted: boolean,
): IdentityEntry & { readonly place: string } {
  const place = `group:${step ?? 0}:${groupId ?? '0'}`
  const text = prompt ?? (promptTokenIds === undefined ? undefined : promptTokenIds.join(' '))
  return {
    source,
    place,
    // Without a prompt there is only the id, or the place in the file; neither says anything about other files.
    content:
      text === undefined
        ? `${source}\0${file}\0${promptId ?? place}`
        : digest(`${source}\0${text}${trusted && promptId !== undefined ? `\0${promptId}` : ''}`),
    answer: groundTruth === undefined ? '' : JSON.stringify(groundTruth),
    wanted: promptId ?? (text === undefined ? place : `text:${createHash('sha256').update(text).digest('hex').slice(0, 16)}`),
    split: split ?? null,
    stated: promptId === undefined || /^(text|tokens):[0-9a-f]{16}$/.test(promptId) ? null : promptId,
    shown: text === undefined ? '' : text.slice(0, SHOWN + 1),
  }
}

/** `memory` lets a reading that was broken off go on: what it met before is told again, and what is new is told to it. */
export function createIdentity(by: IdentityBy = 'prompt', { before = [], met = () => {} }: IdentityMemory = {}): Identity {
  const byPrompt = new Map<string, Known[]>()
  const byId = new Map<string, Known>()
  const nameFor = createNames()
  const nameForId = createNames()
  const collided = new Set<string>()
  const running = new Set<string>()
  const examples: string[] = []
  let problems = 0
  let answers = 0
  let unnamed = 0

  const tell = (text: string): void => void (examples.length < EXAMPLES && examples.push(text))

  /** The problem of a row, what was the first of its id, and whether the row told anything new. */
  function enter(
    { source, content, answer, wanted, split, stated, shown }: IdentityEntry,
    note: (code: NoteCode) => void,
  ): { readonly known: Known; readonly first: Known | undefined; readonly isNew: boolean } {
    let isNew = false
    const alike = byPrompt.get(content) ?? []
    let known = alike.find((each) => each.answer === answer || each.answer === '' || answer === '')
    if (known !== undefined && known.answer === '' && answer !== '') {
      known.answer = answer
      isNew = true
    }
    if (known === undefined) {
      if (alike.length > 0) {
        answers++
        note('prompt.answers')
        tell(`the prompt ${short(shown)} comes with the answers ${short(alike[0]!.answer)} and ${short(answer)}`)
      }
      problems++
      known = {
        key: nameFor(wanted, split ?? undefined, `${content}\0${answer}`),
        answer,
        shown: shown.slice(0, SHOWN),
        id: stated ?? undefined,
      }
      byPrompt.set(content, [...alike, known])
      isNew = true
    }
    if (stated === null) {
      if (alike.length === 0) unnamed++
      return { known, first: undefined, isNew }
    }
    const first = byId.get(`${source}\0${stated}`)
    if (first === undefined) {
      byId.set(`${source}\0${stated}`, known)
      isNew = true
    } else if (first !== known && !collided.has(`${source}\0${stated}`)) {
      collided.add(`${source}\0${stated}`)
      isNew = true
      note('id.collides')
      tell(`the id ${stated} names both ${short(first.shown)} and ${short(shown)}`)
    }
    if (known.id !== undefined && known.id !== stated && !running.has(known.key)) {
      running.add(known.key)
      isNew = true
      note('id.running')
      tell(`the prompt ${short(shown)} has the ids ${known.id} and ${stated}`)
    }
    if (known.id === undefined) {
      known.id = stated
      isNew = true
    }
    return { known, first, isNew }
  }

  for (const entry of before) {
    enter(entry, () => {})
    if (by === 'id' && entry.stated !== null) nameForId(entry.stated, entry.split ?? undefined, `${entry.source}\0${entry.stated}`)
  }

  return {
    place(rollout, file, line, notes, trusted = false) {
      const { place, ...entry } = entryOf(rollout, sourceOf(rollout), file, trusted)
      const { known, first, isNew } = enter(entry, (code) => notes.add(code, line))
      if (isNew) met(entry)
      const stated = entry.stated ?? undefined
      if (stated === undefined) return known.key === place ? rollout : named(rollout, known.key, undefined)
      if (by === 'prompt') return named(rollout, known.key, stated)
      const { prompt, groundTruth } = rollout
      const key = nameForId(stated, rollout.split, `${entry.source}\0${stated}`)
      if (first === undefined || first === known) return named(rollout, key, stated)
      const own = {
        ...(prompt !== undefined && { own_prompt: prompt }),
        ...(groundTruth !== undefined && { own_ground_truth: typeof groundTruth === 'string' ? groundTruth : [...groundTruth] }),
      }
      return named({ ...rollout, extra: { ...rollout.extra, ...own } }, key, stated)
    },
    facts: () => ({
      by,
      byPrompt: problems,
      byId: byId.size + unnamed,
      collisions: collided.size,
      running: running.size,
      answers,
      examples: [...examples],
    }),
  }
}
