// Pages that ask one lab: each has its turn, however much another asks, and a page that asks without end is refused with a code.
import { describe, expect, it } from 'vitest'
import { superviseLab, type LabProcess } from '../../src-main/lab/process/supervise.ts'
import type { CallMessage, HostMessage } from '../../src-preload/contract.ts'

/** A lab that is told to answer, one call after the other, in the order in which they came; or to die. */
function slowLab() {
  const asked: { readonly id: number; readonly method: string }[] = []
  const cancelled: number[] = []
  let answer: (message: unknown) => void = () => {}
  let end: (how: string) => void = () => {}
  const start = (): LabProcess => ({
    send: (message) =>
      void ('cancel' in (message as object) ? cancelled.push((message as { cancel: number }).cancel) : asked.push(message as never)),
    onMessage: (listener) => (answer = listener),
    onExit: (listener) => (end = listener),
    kill: () => {},
  })
  const lab = superviseLab({ start })
  lab.launch()
  return {
    lab,
    asked,
    cancelled,
    answerNext: () => answer({ id: asked.shift()!.id, ok: true, output: null }),
    die: () => end('signal SIGKILL'),
  }
}
function page(lab: ReturnType<typeof slowLab>['lab']) {
  const heard: Extract<HostMessage, { id: number }>[] = []
  const session = lab.open((message) => {
    if ('id' in message) heard.push(message)
  })
  const ask = (...ids: number[]): void => ids.forEach((id) => session.send({ id, method: 'runs.list' } as CallMessage))
  return { heard, ask, cancel: (id: number): void => session.send({ cancel: id }), close: () => session.close() }
}
const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1)
const answered = (heard: readonly { id: number; ok: boolean }[]): number[] => heard.filter(({ ok }) => ok).map(({ id }) => id)

describe('pages of one lab', () => {
  it('one that asks once waits for a few calls of one that asks without end, not for all of them', () => {
    const { lab, asked, answerNext } = slowLab()
    const [greedy, modest] = [page(lab), page(lab)]
    greedy.ask(...numbers(1000))
    modest.ask(7)
    let before = 0
    for (; answered(modest.heard).length === 0; before++) answerNext()
    expect(before).toBeLessThan(40)
    expect(asked.length).toBeLessThan(40)
    while (asked.length > 0) answerNext()
    expect(answered(greedy.heard)).toEqual(numbers(1000))
  })

  it('of many that ask without end, none keeps another from its turn', () => {
    const { lab, asked, answerNext } = slowLab()
    const crowd = numbers(60).map(() => page(lab))
    for (const each of crowd) each.ask(...numbers(100))
    const late = page(lab)
    late.ask(1)
    let before = 0
    for (; answered(late.heard).length === 0; before++) answerNext()
    expect(before).toBeLessThan(200)
    while (asked.length > 0) answerNext()
    for (const each of crowd) expect(answered(each.heard)).toEqual(numbers(100))
  })

  it('one that has too many questions open is refused the next, by its code, and answered what it asked before', () => {
    const { lab, asked, answerNext } = slowLab()
    const greedy = page(lab)
    greedy.ask(...numbers(3000))
    const refused = greedy.heard.map((message) => (message.ok ? 'answered' : message.error.code))
    expect(new Set(refused)).toEqual(new Set(['lab.tooMany']))
    while (asked.length > 0) answerNext()
    expect(answered(greedy.heard)).toEqual(numbers(3000 - refused.length))
  })

  it('a call that waits and is taken back is never made; what a page had under way when it closed makes room', () => {
    const { lab, asked, cancelled, answerNext } = slowLab()
    const [leaving, staying] = [page(lab), page(lab)]
    leaving.ask(...numbers(100))
    leaving.cancel(100)
    const sent = asked.length
    expect(sent).toBeLessThan(100)
    staying.ask(...numbers(60))
    leaving.close()
    expect(cancelled).toHaveLength(sent)
    while (asked.length > 0) answerNext()
    expect([leaving.heard, answered(staying.heard)]).toEqual([[], numbers(60)])
  })

  it('calls that wait are refused with those under way when the lab dies', () => {
    const { lab, die } = slowLab()
    const asking = page(lab)
    asking.ask(...numbers(100))
    die()
    expect(asking.heard.map((message) => !message.ok && message.error.code)).toEqual(numbers(100).map(() => 'lab.gone'))
  })
})
