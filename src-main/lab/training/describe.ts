// What can be chosen, described for forms and help: algorithms and tasks with their option tables, presets with every default filled in.

import {
  runSpec,
  type AlgorithmDescription,
  type OptionDescription,
  type PresetDescription,
  type TaskDescription,
} from '../../../src-preload/contract.ts'
import { algorithmNamed, algorithmNames } from '../../rl/algorithms.ts'
import { resolveOptions, type Option } from '../../rl/options.ts'
import { taskNames, tasks, type TaskOptions } from '../../tasks/registry.ts'
import { quickstartPresets } from './presets.ts'
import { allPresets } from './textPresets.ts'

function optionOf(name: string, option: Option | TaskOptions[string]): OptionDescription {
  return {
    name,
    kind: option.kind,
    default: option.default,
    min: option.kind === 'number' ? option.min : null,
    max: option.kind === 'number' ? option.max : null,
    integer: option.kind === 'number' && option.integer === true,
    choices: option.kind === 'choice' ? { ...option.choices } : {},
    unit: option.unit,
    reason: option.reason,
    aliases: 'aliases' in option ? [...(option.aliases ?? [])] : [],
  }
}

/** In the order of the registry. */
export const describeAlgorithms = (): AlgorithmDescription[] =>
  algorithmNames.map((known) => {
    const { name, title, method, rule, source, options, needs } = algorithmNamed(known)
    const { data, J } = needs(resolveOptions(options))
    return {
      name,
      title,
      method,
      rule,
      source,
      needs: { data, J },
      options: Object.entries(options).map(([key, option]) => optionOf(key, option)),
    }
  })

/** In the order of the registry. */
export const describeTasks = (): TaskDescription[] =>
  taskNames.map((name) => {
    const { title, about, levels, options } = tasks[name]!
    return {
      name,
      title,
      about,
      levels: levels.map(({ id, label, problems }) => ({ id, label, problems: problems ?? null })),
      options: Object.entries(options).map(([key, option]) => optionOf(key, option)),
    }
  })

export const describePresets = (): PresetDescription[] =>
  Object.entries(allPresets).map(([id, { title, about, spec }]) => ({
    id,
    title,
    about,
    method: algorithmNamed(spec.algorithm.name).method,
    spec: runSpec.parse({ ...spec, preset: id }),
    quickstart: (quickstartPresets as readonly string[]).includes(id),
  }))
