// What can be chosen, for faces that have to say it before any workspace is open, such as the help of a command.
import { allPresets } from '../training/textPresets.ts'
import { QUICKSTART_DEFAULTS } from '../training/presets.ts'

export { QUICKSTART_DEFAULTS }
export { FOLLOW_EVERY_MS } from '../files/follow.ts'
/** How answers are compared, by name. */
export { graderKinds } from '../../tasks/graders/grader.ts'

/** Runs with a name. */
export const presetNames: readonly string[] = Object.keys(allPresets)

/** What a preset differs from the defaults in, with its name; null where there is none. */
export const presetSpec = (name: string): Record<string, unknown> | null =>
  Object.hasOwn(allPresets, name) ? { ...allPresets[name]!.spec, preset: name } : null

export { studyPresets } from '../study/presets.ts'
export { presetOf, STUDY_DEFAULTS } from '../study/grid.ts'
