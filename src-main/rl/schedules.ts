// What changes in the course of a run, as functions of the share of its steps that are done: the weight of a bonus, and the stages of a curriculum.
// Learning rates have their own (engine/schedules.ts).
import type { ChoiceOption, Condition } from './options.ts'

/** Share of a run's steps that are done before one of them, counted from 1. */
export function doneBefore(step: number, steps: number): number {
  return (step - 1) / steps
}

const courses = { constant: (_done: number) => 1, rising: (done: number) => done, falling: (done: number) => 1 - done } as const

export type Course = keyof typeof courses

/** The option that says how a weight changes over the run. */
export function courseOption(reason: string, when?: Readonly<Record<string, Condition>>) {
  return {
    kind: 'choice',
    default: 'constant',
    unit: '',
    reason,
    ...(when && { when }),
    choices: {
      constant: 'the same at every step',
      rising: 'from 0 at the first step in a line to its full size',
      falling: 'from its full size at the first step in a line to 0',
    },
  } as const satisfies ChoiceOption
}

/** Factor of a weight, 0..1. */
export function courseAt(course: Course, done: number): number {
  return courses[course](done)
}

/** Which of so many equal parts of the run a step belongs to, counted from 0. */
export function partOf(step: number, steps: number, parts: number): number {
  return Math.min(parts - 1, Math.floor(doneBefore(step, steps) * parts + 1e-9))
}

/** The first step of the part that a step belongs to. */
export function firstOfPart(step: number, steps: number, parts: number): number {
  let first = step
  while (partOf(first - 1, steps, parts) === partOf(step, steps, parts)) first--
  return first
}

/** The entry of a list of stages, each an equal part of the run, that is on when this share of it is done. */
export function stageAt<Stage>(stages: readonly Stage[], done: number): Stage {
  return stages[Math.min(stages.length - 1, Math.floor(done * stages.length + 1e-9))]!
}
