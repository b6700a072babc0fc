// Which rollouts answer the same problem. A problem is its prompt and its reference answer within its source (split and task): a bare id
// recurs across files, tasks, environments and phases, and a running row number differs for every sample of one prompt, so ids are
// evidence and names, not identity. Where prompt and id disagree, both readings are counted and shown, and the person chooses;
// by id, what a row says otherwise than the first row of its id is kept with the row.

import { createHash } from 'node:crypto'
import type { CanonicalRollout } from '../canonical.ts'
import type { NoteBook } from '../notes.ts'

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

const EXAMPLES = 6
const SHOWN = 60
const TASK_FIELDS = ['task', 'data_source', 'env_id', 'environment', 'env', 'benchmark', 'task_name'] as const

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22)
const short = (text: string | undefined): string => JSON.stringify(text === undefined ? '' : text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text)

/** Split, and the task or environment where the row names one: the same words asked elsewhere are another problem. */
function sourceOf({ split, extra }: CanonicalRollout): string {
  const task = TASK_FIELDS.map((name) => extra?.[name]).find((value) => typeof value === 'string' && value.length <= 200)
  return `${split ?? ''}\0${(task as string | undefined) ?? ''}`
}

/** The rollout under a problem's name; the id that its row states goes along where that is another. */
const named = (rollout: CanonicalRollout, key: string, stated: string | undefined): CanonicalRollout =>
  (key === rollout.promptId ? rollout : { ...rollout, promptId: key, ...(stated !== undefined && { extra: { ...rollout.extra, stated_prompt_id: stated } }) })

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

export function createIdentity(by: IdentityBy = 'prompt'): Identity {
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

  return {
    place(rollout, file, line, notes, trusted = false) {
      const { prompt, promptTokenIds, promptId, groupId, step, groundTruth } = rollout
      const source = sourceOf(rollout)
      const place = `group:${step ?? 0}:${groupId ?? '0'}`
      const text = prompt ?? (promptTokenIds === undefined ? undefined : promptTokenIds.join(' '))
      // Without a prompt there is only the id, or the place in the file; neither says anything about other files.
      const content = text === undefined ? `${source}\0${file}\0${promptId ?? place}` : digest(`${source}\0${text}${trusted && promptId !== undefined ? `\0${promptId}` : ''}`)
      const answer = groundTruth === undefined ? '' : JSON.stringify(groundTruth)
      const stated = promptId === undefined || /^(text|tokens):[0-9a-f]{16}$/.test(promptId) ? undefined : promptId

      const alike = byPrompt.get(content) ?? []
      let known = alike.find((each) => each.answer === answer || each.answer === '' || answer === '')
      if (known !== undefined && known.answer === '') known.answer = answer
      if (known === undefined) {
        if (alike.length > 0) {
          answers++
          notes.add('prompt.answers', line)
          tell(`the prompt ${short(text)} comes with the answers ${short(alike[0]!.answer)} and ${short(answer)}`)
        }
        problems++
        const wanted = promptId ?? (text === undefined ? place : `text:${createHash('sha256').update(text).digest('hex').slice(0, 16)}`)
        known = { key: nameFor(wanted, rollout.split, `${content}\0${answer}`), answer, shown: text === undefined ? '' : text.slice(0, SHOWN), id: stated }
        byPrompt.set(content, [...alike, known])
      }
      if (stated === undefined) {
        if (alike.length === 0) unnamed++
        return known.key === place ? rollout : named(rollout, known.key, undefined)
      }
      const first = byId.get(`${source}\0${stated}`)
      if (first === undefined) byId.set(`${source}\0${stated}`, known)
      else if (first !== known && !collided.has(`${source}\0${stated}`)) {
        collided.add(`${source}\0${stated}`)
        notes.add('id.collides', line)
        tell(`the id ${stated} names both ${short(first.shown)} and ${short(text)}`)
      }
      if (known.id !== undefined && known.id !== stated && !running.has(known.key)) {
        running.add(known.key)
        notes.add('id.running', line)
        tell(`the prompt ${short(text)} has the ids ${known.id} and ${stated}`)
      }
      known.id ??= stated
      if (by === 'prompt') return named(rollout, known.key, stated)
      const key = nameForId(stated, rollout.split, `${source}\0${stated}`)
      if (first === undefined || first === known) return named(rollout, key, stated)
      const own = { ...(prompt !== undefined && { own_prompt: prompt }), ...(groundTruth !== undefined && { own_ground_truth: typeof groundTruth === 'string' ? groundTruth : [...groundTruth] }) }
      return named({ ...rollout, extra: { ...rollout.extra, ...own } }, key, stated)
    },
    facts: () => ({ by, byPrompt: problems, byId: byId.size + unnamed, collisions: collided.size, running: running.size, answers, examples: [...examples] }),
  }
}
