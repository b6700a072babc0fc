// A client of a lab in the test's own process: the same messages as over any channel, in their text form, with every answer held to
// its schema.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, fromWire, toWire, type Connection, type HostMessage, type LabEvent } from '../../src-preload/contract.ts'
import { answering } from '../../src-main/lab/answers/answer.ts'
import { createLab, type Lab, type LabParts } from '../../src-main/lab/process/createLab.ts'
import type { Experiments } from '../../src-main/lab/process/experiments.ts'
import { fakeExperiments } from './fakeExperiments.ts'
import { makeWorkspace, type Filled } from './records.ts'

export interface LocalLab extends Connection {
  readonly home: string
  readonly folder: string
  readonly filled: Filled
  readonly lab: Lab
  readonly events: LabEvent[]
  close(): Promise<void>
}

/** A person is told what was expected, what was found and what to do: an error that lacks one of them has another code. */
function wholeError(message: HostMessage): HostMessage {
  if (!('id' in message) || message.ok || Object.values(message.error).every((part) => part !== '')) return message
  return { ...message, error: { ...message.error, code: `${message.error.code}.saysTooLittle` } }
}

/** With a filled workspace, open. */
export async function openLocalLab(experiments: Experiments = fakeExperiments, more: Pick<LabParts, 'brief'> = {}): Promise<LocalLab> {
  const home = mkdtempSync(join(tmpdir(), 'mrt-lab-'))
  const folder = join(home, 'filled')
  const filled = makeWorkspace(folder)
  let hear: (message: HostMessage) => void = () => {}
  const deliver = (message: HostMessage): void => hear(wholeError(fromWire(toWire(message)) as HostMessage))
  const events: LabEvent[] = []
  const lab = createLab({ home, sample: null, version: '0.0.0', experiments, tell: (event) => deliver({ event }), ...more })
  const answer = answering(lab.answers, deliver, { checkOutputs: true })
  const connection = createClient({ send: (message) => void answer(fromWire(toWire(message))), listen: (onMessage) => (hear = onMessage) })
  connection.onEvent((event) => events.push(event))
  await connection.client.workspace.open({ folder })
  return {
    ...connection,
    home,
    folder,
    filled,
    lab,
    events,
    async close() {
      await lab.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
