// `npm run bench -- [name ...] [--json FILE] [--start FOLDER] [--workspace FOLDER] [--rollouts N]`: asks the named questions, or all that need
// nothing but this repository, and prints the answers with the machine they were found on. Every question runs in a process of its own, so
// that neither memory nor idle threads of one are met by the next. Fails where something that must be equal is not; a missed aim is printed,
// not an error.
import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine, machineText } from './machine.ts'
import { answerText, sound } from './question.ts'
import type { Answer, AskOptions, Question } from './question.ts'

const questions: Readonly<Record<string, { readonly load: () => Promise<{ readonly question: Question }>; readonly unasked?: true }>> = {
  decode: { load: () => import('./decode.ts') },
  roofline: { load: () => import('./roofline.ts') },
  train: { load: () => import('./train.ts') },
  mu: { load: () => import('./mu.ts') },
  step: { load: () => import('./step.ts') },
  cache: { load: () => import('./cache.ts') },
  // Takes some gigabytes; only when named.
  lora: { load: () => import('./lora.ts'), unasked: true },
  held: { load: () => import('./held.ts'), unasked: true },
  // Makes a workspace of a million rollouts and needs a browser; only when named.
  ui: { load: () => import('./ui.ts'), unasked: true },
  // Writes two files of a GB each; only when named.
  import: { load: () => import('./importing.ts'), unasked: true },
  // Needs Python 3.11 and installs PyTorch; only when named.
  peers: { load: () => import('./peers/peers.ts'), unasked: true },
  adapters: { load: () => import('./peers/adapters.ts'), unasked: true },
  'lora-peft': { load: () => import('./peers/lora.ts'), unasked: true },
  // Needs a server that runs, and an evaluation that was made through it; only when named.
  served: { load: () => import('./peers/served.ts'), unasked: true },
  // Starts a Ray of two nodes on this machine; only when named.
  ray: { load: () => import('./peers/ray.ts'), unasked: true },
}

const options = {
  json: { type: 'string' },
  start: { type: 'string' },
  workspace: { type: 'string' },
  rollouts: { type: 'string', default: '1000000' },
} as const
const readArguments = () => parseArgs({ allowPositionals: true, options })

if (process.send) await answerParent()
else process.exitCode = await main()

async function main(): Promise<number> {
  let given: ReturnType<typeof readArguments>
  try {
    given = readArguments()
  } catch (error) {
    console.error(
      `error: ${(error as Error).message.split('. ')[0]}\nnext:  use ${Object.keys(options)
        .map((name) => `--${name}`)
        .join(', ')}`,
    )
    return 1
  }
  const { values, positionals } = given
  const stranger = positionals.find((name) => !Object.hasOwn(questions, name))
  if (stranger !== undefined) {
    console.error(`error: there is no benchmark "${stranger}"\nnext:  use ${Object.keys(questions).join(', ')}`)
    return 1
  }
  const names = positionals.length > 0 ? positionals : Object.keys(questions).filter((name) => !questions[name]!.unasked)
  const asked: AskOptions = {
    start: values.start ?? join(import.meta.dirname, '..', 'resources', 'starter'),
    workspace: values.workspace ?? null,
    rollouts: Number(values.rollouts),
  }
  const machine = await describeMachine()
  console.log(machineText(machine))
  const answers: Record<string, Answer & { readonly title: string; readonly seconds: number }> = {}
  for (const name of names) {
    const began = performance.now()
    const { question } = await questions[name]!.load()
    const answer = await askChild(name, asked)
    answers[name] = { title: question.title, seconds: (performance.now() - began) / 1000, ...answer }
    console.log(`\n${answerText(question.title, answer)}`)
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, answers }, null, 2)}\n`)
  return Object.values(answers).every(sound) ? 0 : 1
}

/** Rejects where the question's process ended without an answer; what it printed has been seen. */
function askChild(name: string, options: AskOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, [name, JSON.stringify(options)], { serialization: 'advanced' })
    let answer: Answer | null = null
    child.once('message', (message) => {
      answer = message as Answer
    })
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      answer ? resolve(answer) : reject(new Error(`the benchmark ${name} ended with ${signal ?? code} and gave no answer`)),
    )
  })
}

async function answerParent(): Promise<void> {
  const [name, options] = process.argv.slice(2) as [string, string]
  const { question } = await questions[name]!.load()
  process.send!(await question.ask(JSON.parse(options) as AskOptions))
  process.disconnect()
}
