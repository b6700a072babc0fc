// Everything a window, a terminal or a browser may ask, as one table: noun, verb, what goes in, what comes out. The preload, the
// bridge, the served mode, the client and the lab's implementation are all typed from it, so a method is spelled once. Statistics
// are answers, never something a screen works out: every figure comes with its interval and its n where it has them.
// Nouns but `app` are answered by the lab process; `app` by the program around it (Electron or the server), and works without a lab.

import { z } from 'zod'
import type { Of } from './values.ts'
import { appMethods } from './app.ts'
import { workspaceMethods } from './workspace.ts'
import { systemMethods } from './system.ts'
import { promptingMethods } from './prompting.ts'
import { choicesMethods } from './choices.ts'
import { runsMethods } from './runs.ts'
import { rolloutsMethods } from './rollouts.ts'
import { thinkingMethods } from './thinking.ts'
import { evaluationsMethods } from './evaluations.ts'
import { compareMethods } from './compare.ts'
import { datasetsMethods } from './datasets.ts'
import { importingMethods } from './importing.ts'
import { exportingMethods } from './exporting.ts'
import { studiesMethods } from './studies.ts'

/** Every noun with its verbs; each noun's records and methods stand together in its own file. */
export const methods = {
  ...appMethods,
  ...workspaceMethods,
  ...systemMethods,
  ...promptingMethods,
  ...choicesMethods,
  ...runsMethods,
  ...rolloutsMethods,
  ...thinkingMethods,
  ...evaluationsMethods,
  ...compareMethods,
  ...datasetsMethods,
  ...importingMethods,
  ...exportingMethods,
  ...studiesMethods,
}

// ------------------------------------------------------------------------------------------------------------ types derived from it

export type Methods = typeof methods
export type Noun = keyof Methods
export type Spec = { readonly input: z.ZodType; readonly output: z.ZodType }

/** `runs.list`, `rollouts.query`, ... */
export type MethodName = { [N in Noun]: `${N}.${keyof Methods[N] & string}` }[Noun]
export type InputOf<S extends Spec> = z.output<S['input']>
export type OutputOf<S extends Spec> = Of<S['output']>

export interface CallOptions {
  readonly signal?: AbortSignal
}
type Call<S extends Spec> =
  undefined extends z.input<S['input']>
    ? (input?: z.input<S['input']>, options?: CallOptions) => Promise<OutputOf<S>>
    : (input: z.input<S['input']>, options?: CallOptions) => Promise<OutputOf<S>>

/** What asks the methods of a table; calls reject with LabError. */
export type ClientOf<Table> = {
  readonly [N in keyof Table]: { readonly [V in keyof Table[N]]: Table[N][V] extends Spec ? Call<Table[N][V]> : never }
}
/** What a page holds: `client.runs.list()`, `client.rollouts.get({ rolloutId })`. */
export type Client = ClientOf<Methods>

type Answer<S extends Spec> = (input: InputOf<S>, options: { readonly signal: AbortSignal }) => OutputOf<S> | Promise<OutputOf<S>>
/** What implements the methods of a table: inputs arrive checked, with defaults filled in. */
export type AnswersOf<Table> = {
  readonly [N in keyof Table]: { readonly [V in keyof Table[N]]: Table[N][V] extends Spec ? Answer<Table[N][V]> : never }
}
/** What implements some of the nouns. */
export type Answers<N extends Noun> = AnswersOf<Pick<Methods, N>>
export type AppAnswers = Answers<'app'>['app']
export type LabNoun = Exclude<Noun, 'app'>

/** The schemas of a method, or null where there is none of that name. */
export function methodNamed(given: string): Spec | null {
  const [noun = '', verb = '', ...rest] = given.split('.')
  if (rest.length > 0 || !Object.hasOwn(methods, noun)) return null
  const verbs = methods[noun as Noun] as Readonly<Record<string, Spec>>
  return Object.hasOwn(verbs, verb) ? verbs[verb]! : null
}

export const methodNames = Object.entries(methods).flatMap(([noun, verbs]) =>
  Object.keys(verbs).map((verb) => `${noun}.${verb}`),
) as readonly MethodName[]
