// Datasets, their problems, and models.

import { z } from 'zod'
import { datasetFacts, overlapReport, splitRule } from './imports.ts'
import { dataset, model, problem } from './records.ts'
import { method, none, nothing } from './shared.ts'
import { count, id, name } from './values.ts'

const ofDataset = z.object({ datasetId: id })

export const datasetsMethods = {
  datasets: {
    list: method(none, z.array(dataset)),
    get: method(ofDataset, dataset),
    facts: method(ofDataset, datasetFacts),
    /** Between the splits of this set, and between them and every other set of the workspace. */
    overlap: method(ofDataset, overlapReport),
    describe: method(ofDataset.extend({ name, note: z.string(), grader: name }), dataset),
    /** Deals all problems into splits anew. Refused with `dataset.inUse` once runs or evaluations refer to the set. */
    split: method(ofDataset.extend({ rule: splitRule }), dataset),
    /** Refused with `dataset.inUse` while anything refers to it. */
    remove: method(ofDataset, nothing),
  },
  problems: {
    list: method(
      z.object({ datasetId: id, split: name, afterId: count.default(0), limit: z.int().min(1).max(1000).default(100) }),
      z.array(problem),
    ),
    get: method(z.object({ problemId: id }), problem),
  },
  models: {
    list: method(none, z.array(model)),
    /**
     * Asks a server of the completions protocol what it can do and puts its model on record, by its id. The only question of this contract that goes to an
     * address outside of this process; another machine than this one is asked where `leavesMachine` says so, else it is refused with `served.away`.
     */
    connect: method(
      z.object({
        address: z.string(),
        leavesMachine: z.boolean().default(false),
        name,
        /** `model:<id>` of a model of text here, or a folder with tokenizer.json. */
        tokenizer: name,
        /** Variable of the environment that holds the key of the server. */
        keyFrom: name.nullable().default(null),
      }),
      z.object({
        modelId: id,
        /** What the server was found to do: whether it takes token ids or text alone, says log-probs, of how many alternatives, and of prompts. */
        abilities: z.object({
          takesIds: z.boolean(),
          extends: z.boolean(),
          saysTokens: z.boolean(),
          saysLogps: z.boolean(),
          alternatives: count,
          promptLogps: z.enum(['field', 'echo']).nullable(),
          maxLength: count.nullable(),
        }),
      }),
    ),
    /** The record and, for imported ones, the copy of its files. Refused with `model.inUse` while anything refers to it. */
    remove: method(z.object({ modelId: id }), nothing),
  },
}
