// The one place where a call becomes an answer, and anything thrown becomes a contract error. It stands where the answers are made
// (the lab process, and the program around it for `app`), because an error that crosses a process line must be plain data first.
// A person's mistake keeps its code and its parts; what a folder below the contract threw with a code of its own is translated;
// everything else is a bug of ours, reported with its stack on stderr and told as `lab.bug`.

import {
  callCancelled,
  callMessage,
  LabError,
  methodNamed,
  methods,
  ownMethods,
  type Answers,
  type CallOptions,
  type HostMessage,
  type LabNoun,
  type LabErrorData,
  type Noun,
  type OwnAnswers,
  type OwnClient,
  type Spec,
} from '../../../src-preload/contract.ts'
import { explainDisk } from '../../disk/diskErrors.ts'

/** `rl.option-unknown` and `bad-argument` become `rl.optionUnknown` and `engine.badArgument`. */
function contractCode(code: string, error: Error): string {
  const camel = code.replace(/-+([a-z])/gi, (_, letter: string) => letter.toUpperCase())
  const noun = error.name.replace(/Error$/, '').toLowerCase()
  return camel.includes('.') ? camel : `${noun === '' ? 'lab' : noun}.${camel}`
}

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

/** The code of what is nobody's mistake but ours. */
export const BUG = 'lab.bug'

/** Plain data of whatever was thrown; `report` hears of bugs. */
export function toContractError(given: unknown, report: (error: unknown) => void = reportBug): LabErrorData {
  const thrown = explainDisk(given)
  if (thrown instanceof LabError) return thrown.toJSON()
  if (thrown instanceof Error) {
    const { code, expected, found, next } = thrown as Error & Record<'code' | 'expected' | 'found' | 'next', unknown>
    if (text(code) !== null && text(expected) !== null && text(found) !== null)
      return {
        code: contractCode(code as string, thrown),
        expected: expected as string,
        found: found as string,
        next: text(next) ?? 'Correct it and try again.',
      }
  }
  report(thrown)
  return {
    code: BUG,
    expected: 'the laboratory to answer',
    found: String(thrown),
    next: 'This is a mistake of the program. What is recorded is safe; copy the diagnostics from the Help menu into a report.',
  }
}

function reportBug(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** The first thing wrong with an input, by the name of its field. */
function badInput(method: string, issues: readonly Issue[]): LabError {
  const [first] = issues
  const field = first === undefined || first.path.length === 0 ? 'its input' : first.path.map(String).join('.')
  return new LabError('call.badInput', {
    expected: `${field} as ${method} takes it`,
    found: first?.message ?? 'something else',
    next: 'Correct that field.',
  })
}

const unknownMethod = (method: string): LabError =>
  new LabError('call.unknown', { expected: 'a method of the contract', found: method, next: 'Use the same version on both sides.' })

type Verb = (input: unknown, options: { readonly signal: AbortSignal }) => unknown
type Nouns = Readonly<Record<string, Readonly<Record<string, Verb>> | undefined>>

/** One call: its input held to the schema, what answers it asked. Throws LabError `call.badInput`, and what the answer throws. */
async function answer(
  { method, spec, verb }: { readonly method: string; readonly spec: Spec; readonly verb: Verb },
  given: unknown,
  signal: AbortSignal,
  checkOutputs = false,
): Promise<unknown> {
  const input = spec.input.safeParse(given ?? undefined)
  if (!input.success) throw badInput(method, input.error.issues)
  const output = await verb(input.data, { signal })
  return checkOutputs ? spec.output.parse(output) : output
}

/** Throws LabError `call.unknown`. */
function asked(answers: Partial<Answers<Noun>>, method: string) {
  const spec = methodNamed(method)
  const [noun, verb] = method.split('.') as [string, string]
  const found = (answers as Nouns)[noun]?.[verb]
  if (spec === null || found === undefined) throw unknownMethod(method)
  return { method, spec, verb: found }
}

/**
 * A client in the process of the answers themselves, for a command: what they throw arrives as it was thrown, and what no message may ask
 * is answered too. Calls under way reject with LabError `call.cancelled` once `ended` aborts.
 */
export function askDirectly(answers: Answers<LabNoun>, own: OwnAnswers, ended: AbortSignal): OwnClient {
  const call = async (of: Parameters<typeof answer>[0], input: unknown, { signal = ended }: CallOptions = {}): Promise<unknown> => {
    const either = AbortSignal.any([ended, signal])
    const cancelled = Promise.withResolvers<never>()
    const cancel = (): void => cancelled.reject(callCancelled())
    if (either.aborted) cancel()
    else either.addEventListener('abort', cancel, { once: true })
    try {
      return await Promise.race([answer(of, input, either), cancelled.promise])
    } finally {
      either.removeEventListener('abort', cancel)
    }
  }
  const client: Record<string, Record<string, unknown>> = {}
  for (const [table, answered] of [
    [methods, answers],
    [ownMethods, own],
  ] as const)
    for (const [noun, verbs] of Object.entries<Readonly<Record<string, Spec>>>(table))
      for (const [verb, spec] of Object.entries(verbs)) {
        const found = (answered as Nouns)[noun]?.[verb]
        if (found === undefined) continue
        const of = { method: `${noun}.${verb}`, spec, verb: found }
        ;(client[noun] ??= {})[verb] = (input: unknown, options?: CallOptions) => call(of, input, options)
      }
  return client as unknown as OwnClient
}

/**
 * Answers messages with `answers`, which may cover some of the nouns. Replies come in the order in which answers are ready; a cancelled
 * call gets none. `checkOutputs` holds answers to their schema as well, for tests.
 */
export function answering(
  answers: Partial<Answers<Noun>>,
  reply: (message: HostMessage) => void,
  options: { readonly checkOutputs?: boolean } = {},
): (message: unknown) => Promise<void> {
  const running = new Map<number, AbortController>()

  return async (received) => {
    const message = callMessage.safeParse(received)
    if (!message.success) {
      const { id } = (received ?? {}) as { id?: unknown }
      if (Number.isInteger(id)) reply({ id: id as number, ok: false, error: badInput('a call', message.error.issues).toJSON() })
      return
    }
    if ('cancel' in message.data) return running.get(message.data.cancel)?.abort(callCancelled())
    const { id, method, input } = message.data
    const abort = new AbortController()
    running.set(id, abort)
    try {
      const output = await answer(asked(answers, method), input, abort.signal, options.checkOutputs)
      if (!abort.signal.aborted) reply({ id, ok: true, output })
    } catch (error) {
      if (!abort.signal.aborted) reply({ id, ok: false, error: toContractError(error) })
    } finally {
      running.delete(id)
    }
  }
}
