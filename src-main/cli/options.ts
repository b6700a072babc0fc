// Reading what a person typed: numbers with their range, and the specification of a run from a preset or a file.
import { readFileSync } from 'node:fs'
import { InvalidArgumentError } from 'commander'
import { LabError } from '../../src-preload/contract.ts'
import { presetNames, presetSpec } from '../lab/answers/choices.ts'

/** A commander parser for whole numbers from `least` on, up to `most` where there is an end. */
export function wholeNumber(least: number, most = Infinity): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`expected a whole number from ${least} ${most === Infinity ? 'on' : `to ${most}`}.`)
    return value
  }
}

/** A specification from the name of a preset or the path of a JSON file. Throws LabError `run.preset` or `run.file`. */
export function specFrom(name: string): Record<string, unknown> {
  const preset = presetSpec(name)
  if (preset !== null) return preset
  if (!name.endsWith('.json'))
    throw new LabError('run.preset', {
      expected: `one of ${presetNames.join(', ')}, or a .json file`,
      found: name,
      next: 'Choose a preset, or write a specification to a file.',
    })
  try {
    return JSON.parse(readFileSync(name, 'utf8')) as Record<string, unknown>
  } catch (error) {
    throw new LabError('run.file', {
      expected: `a run specification in JSON at ${name}`,
      found: (error as Error).message,
      next: 'Correct the file; `mrt run --help` lists the presets to start from.',
    })
  }
}

/** Sets a dotted key: `optimizer.lr=1e-4`, `algorithm.options.alpha=0.5`. Values are JSON where they parse, text otherwise. */
export function assign(spec: Record<string, unknown>, text: string): void {
  const [, path, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (path === undefined)
    throw new LabError('run.set', { expected: 'key=value', found: text, next: 'Write for example --set optimizer.lr=1e-4.' })
  const keys = path.split('.')
  let at = spec
  for (const key of keys.slice(0, -1)) at = at[key] = { ...(at[key] as Record<string, unknown> | undefined) }
  at[keys.at(-1)!] = parsed(value!)
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
