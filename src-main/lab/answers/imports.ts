// What a window asks about files: what they are, to bring them in as a job, and what became of the rows that could not be used. The job
// has a lane of its own, so that neither training nor reading waits for it. Results are kept for the newest jobs of this process; what
// lasts is in the records.

import { copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, isAbsolute, join } from 'node:path'
import type {
  Answers,
  ImportChoices,
  ImportOffer,
  ImportResult,
  ImportStart,
  Job,
  LabEvent,
  PreviewProblem,
  PreviewRollout,
  RejectedRow,
  RolesFound,
} from '../../../src-preload/contract.ts'
import { LabError } from '../../../src-preload/contract.ts'
import type { CanonicalRollout } from '../../data/canonical.ts'
import type { DatasetRow } from '../../data/datasets/normalise.ts'
import type { RoleGuess } from '../../data/datasets/roles.ts'
import { detectImport } from '../../data/detect.ts'
import type { Detection } from '../../data/detect.ts'
import { previewImport } from '../../data/preview.ts'
import type { Preview } from '../../data/preview.ts'
import type { Rejected } from '../../data/rejected.ts'
import { contentText } from '../../data/rollouts/fields.ts'
import { rolloutSources } from '../../data/rollouts/mapping.ts'
import { sourceReaders } from '../../data/rollouts/sources.ts'
import type { Store } from '../../store/openStore.ts'
import { graderKinds } from '../../tasks/graders/grader.ts'
import { bringRows, importLabel } from './importing.ts'
import { EXPORTS } from '../files/exportFile.ts'
import { importModel, isModel } from '../files/importModel.ts'
import type { JobControl, Jobs } from '../process/jobs.ts'
import { discardIncoming, readRejected, rejectedFile } from '../files/keptAside.ts'

const SHOWN_LETTERS = 600
const SHOWN_REJECTED = 50
/** Finished imports whose result can still be asked for. */
const REMEMBERED = 20

const roleWords: readonly ImportChoices['roles'][number][] = [
  { name: 'problem', about: 'What is asked: text, or messages of a conversation', needed: true },
  { name: 'answer', about: 'The right answer, or a text that ends with it', needed: true },
  { name: 'solution', about: 'The worked solution', needed: false },
  { name: 'id', about: 'A name of its own; a hash of the problem without one', needed: false },
  { name: 'split', about: 'train, test and the like', needed: false },
  { name: 'slices', about: 'What results are sliced by: level, subject, source', needed: false },
]

const fieldWords: readonly ImportChoices['fields'][number][] = [
  { name: 'prompt', about: 'What was asked: text, or messages of a conversation', needed: false },
  { name: 'completion', about: 'What the model wrote: text, messages, or a list of several samples', needed: true },
  { name: 'ground_truth', about: 'The right answer', needed: false },
  { name: 'extracted_answer', about: 'The answer that was found in the completion', needed: false },
  { name: 'correct', about: 'Whether it was right: true, false, 1 or 0', needed: false },
  { name: 'reward', about: 'The reward as a number', needed: false },
  { name: 'advantage', about: 'The advantage as a number', needed: false },
  { name: 'step', about: 'The step of training', needed: false },
  { name: 'prompt_id', about: 'A name of the problem', needed: false },
  { name: 'group_id', about: 'A name of the group of samples', needed: false },
  { name: 'sample_idx', about: 'The number of the sample in its group', needed: false },
  { name: 'prompt_tokens', about: 'How many tokens the prompt has', needed: false },
  { name: 'completion_tokens', about: 'How many tokens the completion has', needed: false },
  { name: 'finish_reason', about: 'Why it ended: stop, length', needed: false },
]

const choices = (): ImportChoices => ({
  graders: Object.entries(graderKinds).map(([name, { title, says }]) => ({ name, title, about: says })),
  sources: rolloutSources.map((name) => ({ name, about: `${sourceReaders[name].format.title}: ${sourceReaders[name].format.files}` })),
  roles: [...roleWords],
  fields: [...fieldWords],
})

const shortened = (text: string): string => (text.length > SHOWN_LETTERS ? `${text.slice(0, SHOWN_LETTERS)} …` : text)

const problemShown = ({ line, id, problem, answer, split, level, slices }: DatasetRow): PreviewProblem => ({
  line,
  key: id,
  problem: shortened(problem),
  answer: answer === undefined ? null : (answer as PreviewProblem['answer']),
  split: split ?? null,
  level,
  slices,
})

const rolloutShown = ({
  step,
  prompt,
  promptMessages,
  completion,
  groundTruth,
  correct,
  reward,
  episodes,
}: CanonicalRollout): PreviewRollout => ({
  step: step ?? null,
  prompt: shortened(prompt ?? promptMessages?.map(({ content }) => contentText(content)).join('\n') ?? ''),
  completion: shortened(completion ?? ''),
  truth: groundTruth === undefined ? null : (groundTruth as PreviewRollout['truth']),
  correct: correct ?? null,
  reward: reward ?? null,
  episodes: episodes?.length ?? 0,
})

const rejectedShown = ({ file, line, rows, code, reason, text }: Rejected): RejectedRow => ({
  file: basename(file),
  line,
  rows,
  code,
  reason,
  text: shortened(text),
})

const rolesShown = ({
  roles: { problem, answer, answerIn, id, solution, split, slices, countdown },
  confidence,
  why,
}: RoleGuess): RolesFound => ({
  problem,
  answer: answer ?? countdown?.target ?? null,
  answerIn,
  id,
  solution,
  split,
  slices: [...slices],
  confidence,
  why,
})

function offerOf(detection: Detection, bytes: number, preview: Preview | null, refusal: LabError | null): ImportOffer {
  const { path, kind, format, source, why, recipe, files, columns } = detection
  const rows = preview?.rows ?? []
  const asProblems = preview !== null && preview.roles !== null
  return {
    path,
    name: basename(path),
    bytes,
    files: files.length,
    kind,
    format,
    source,
    why,
    recipe,
    tables: (detection.tables ?? []).map(({ name, rows: count }) => ({ name, rows: count })),
    columns: [...(preview?.columns ?? columns)],
    rowCount: preview?.rowCount ?? null,
    refusal: refusal?.toJSON() ?? null,
    roles: asProblems ? rolesShown(preview.roles!) : null,
    grader: preview?.grader ?? null,
    problems: asProblems ? (rows as readonly DatasetRow[]).map(problemShown) : [],
    rollouts: asProblems ? [] : (rows as readonly CanonicalRollout[]).map(rolloutShown),
    rejected: (preview?.rejected ?? []).slice(0, SHOWN_REJECTED).map(rejectedShown),
    identity: preview?.identity == null ? null : { ...preview.identity, examples: [...preview.identity.examples] },
    notes: (preview?.notes ?? []).map(({ message }) => message),
  }
}

/** Throws LabError file.missing, file.unreadable, import.relative; every other refusal is part of the offer. */
async function inspect(
  path: string,
  { as, map, identity, table }: Pick<ImportStart, 'as' | 'map' | 'identity' | 'table'>,
): Promise<ImportOffer> {
  if (!isAbsolute(path))
    throw new LabError('import.relative', {
      expected: 'the whole path of a file',
      found: path,
      next: 'Write it from the root, such as /home/me/data.jsonl.',
    })
  const how = { ...(as !== null && { as }), map, identity, ...(table !== null && { table }) }
  const detection = await detectImport(path, how)
  const { size } = await stat(path)
  if (as === 'model' || detection.kind === 'model' || detection.files.length === 0) return offerOf(detection, size, null, null)
  try {
    return offerOf(detection, size, await previewImport(path, how), null)
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    return offerOf(detection, size, null, error)
  }
}

export interface ImportParts {
  readonly open: () => Store
  readonly jobs: Jobs
  readonly tell: (event: LabEvent) => void
  readonly now: () => number
}

export function importAnswers({ open, jobs, tell, now }: ImportParts): Answers<'imports'>['imports'] {
  const results = new Map<string, Promise<ImportResult>>()

  async function work(store: Store, request: ImportStart, control: JobControl, label: string): Promise<ImportResult> {
    const { paths, as } = request
    try {
      if (as === 'model' || (as === null && (await isModel(paths[0]!)))) return await modelResult(store, request, control.signal)
      const { report, record, datasetId, runId } = await bringRows(request, { store, now, label }, control)
      return {
        record,
        records: report.records,
        rejected: report.rejected.slice(0, SHOWN_REJECTED).map(rejectedShown),
        datasetId,
        runId,
        modelId: null,
      }
    } finally {
      discardIncoming(store.folder, paths)
      for (const noun of ['datasets', 'runs', 'rollouts', 'models'] as const) tell({ kind: 'changed', noun, ids: [] })
    }
  }

  async function modelResult(store: Store, { paths, name }: ImportStart, signal: AbortSignal): Promise<ImportResult> {
    if (paths.length > 1)
      throw new LabError('import.oneModel', {
        expected: 'one model at a time',
        found: `${paths.length} paths`,
        next: 'Import one folder, then the next.',
      })
    const { modelId, record } = await importModel(store, paths[0]!, { name, signal, now })
    return { record, records: 1, rejected: [], datasetId: null, runId: null, modelId }
  }

  return {
    choices,
    inspect: async ({ paths, ...how }) => Promise.all(paths.map((path) => inspect(path, how))),
    start(request): Job {
      const store = open()
      if (store.workspace().access.mode === 'read')
        throw new LabError('workspace.readOnly', {
          expected: 'a workspace open for writing',
          found: 'one open for reading',
          next: 'Close the program that writes to it, then open it again.',
        })
      const label = importLabel(request.paths)
      const { job, done } = jobs.add({
        kind: 'import',
        label,
        runId: null,
        lane: 'data',
        work: (control) => work(store, request, control, label),
      })
      results.set(job.id, done)
      while (results.size > REMEMBERED) results.delete(results.keys().next().value!)
      return job
    },
    result({ jobId }) {
      const done = results.get(jobId)
      if (done === undefined)
        throw new LabError('import.unknown', {
          expected: 'an import of this session',
          found: jobId,
          next: 'Look for the dataset or the run that it made.',
        })
      return done
    },
    rejected: ({ importId, offset, limit }) => readRejected(open().folder, importId, offset, limit),
    async exportRejected({ importId }) {
      const { folder } = open()
      const source = rejectedFile(folder, importId)
      if (!existsSync(source))
        throw new LabError('export.empty', { expected: 'rejected rows', found: 'none', next: 'Every row of that import was used.' })
      const fileName = `rejected-rows-${importId}.jsonl`
      mkdirSync(join(folder, EXPORTS), { recursive: true })
      const path = join(folder, EXPORTS, fileName)
      copyFileSync(source, path)
      const { total } = await readRejected(folder, importId, 0, 0)
      return { fileName, path, bytes: statSync(path).size, rows: total, href: `./${EXPORTS}/${fileName}` }
    },
    discard({ paths }) {
      discardIncoming(open().folder, paths)
      return null
    },
  }
}
