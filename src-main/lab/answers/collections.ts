// Datasets and models as a person keeps them: listed, described, dealt into splits, and removed while nothing refers to them.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Answers, Dataset, LabEvent } from '../../../src-preload/contract.ts'
import { splitOf } from '../../data/datasets/summary.ts'
import type { Store } from '../../store/openStore.ts'
import { graderKinds, GraderError } from '../../tasks/graders/grader.ts'
import { datasetFacts, datasetOverlap, recordOfDataset } from '../files/datasetFacts.ts'
import { MODELS } from '../files/importModel.ts'
import { rejectedFile } from '../files/keptAside.ts'
import { found } from '../process/found.ts'
import { connectModel } from '../training/servedModel.ts'

type Tell = (event: LabEvent) => void

/** Of tasks that the program makes itself; it cannot be chosen for other sets. */
const OWN_GRADERS = ['countdown', 'countdown-returns']

export function datasetAnswers(open: () => Store, tell: Tell): Answers<'datasets'>['datasets'] {
  const get = (id: number): Dataset => found('dataset', id, open().datasets.get(id))
  const changed = (id: number): void => tell({ kind: 'changed', noun: 'datasets', ids: [id] })

  return {
    list: () => open().datasets.list(),
    get: ({ datasetId }) => get(datasetId),
    facts: ({ datasetId }, { signal }) => datasetFacts(open(), get(datasetId), signal),
    overlap: ({ datasetId }, { signal }) => datasetOverlap(open(), get(datasetId), signal),
    describe({ datasetId, name, note, grader }) {
      const before = get(datasetId)
      if (grader !== before.grader && !Object.hasOwn(graderKinds, grader))
        throw new GraderError('grader.kind', `one of ${[...Object.keys(graderKinds), ...OWN_GRADERS].join(', ')}`, grader)
      open().datasets.setWords(datasetId, { name, note, grader })
      changed(datasetId)
      return get(datasetId)
    },
    split({ datasetId, rule }) {
      const { source, roles, grader } = get(datasetId)
      open().datasets.split(datasetId, (key) => splitOf(rule.seed, key, rule.shares))
      const origin = source !== null && typeof source === 'object' && !Array.isArray(source) ? source : { source }
      open().datasets.setOrigin(datasetId, { source: { ...origin, split: rule }, roles, grader })
      changed(datasetId)
      return get(datasetId)
    },
    remove({ datasetId }) {
      const record = recordOfDataset(get(datasetId))
      open().datasets.remove(datasetId)
      if (record !== null) rmSync(rejectedFile(open().folder, record.importId), { force: true })
      changed(datasetId)
      return null
    },
  }
}

export function modelAnswers(open: () => Store, tell: Tell, now: () => number): Answers<'models'>['models'] {
  return {
    list: () => open().models.list(),
    async connect(request, { signal }) {
      const connected = await connectModel(open(), request, now, signal)
      tell({ kind: 'changed', noun: 'models', ids: [connected.modelId] })
      return connected
    },
    remove({ modelId }) {
      const { path } = found('model', modelId, open().models.get(modelId))
      open().models.remove(modelId)
      // Only copies of ours lie there; another place is named from the root.
      if (path.startsWith(MODELS)) rmSync(join(open().folder, path), { recursive: true, force: true })
      tell({ kind: 'changed', noun: 'models', ids: [modelId] })
      return null
    },
  }
}
