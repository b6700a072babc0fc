// `mrt follow`: a folder that another trainer writes to, read as it grows, until Ctrl-C or, with --once, until all that is there was read.
import { setTimeout as wait } from 'node:timers/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { LabError, type FollowLook } from '../../src-preload/contract.ts'
import { FOLLOW_EVERY_MS, graderKinds } from '../lab/answers/choices.ts'
import { identityOf, rolesOf } from './data.ts'
import { DEFAULT_WORKSPACE, withLab } from './session.ts'
import { writeJson } from './table.ts'

interface FollowCommandOptions {
  readonly as?: string
  readonly map?: string
  readonly name?: string
  readonly grader?: string
  readonly identity?: string
  readonly once?: boolean
  readonly every: string
  readonly workspace: string
  readonly json?: boolean
}

export function followCommand(): Command {
  return new Command('follow')
    .description(
      'follow a run that trains elsewhere: new rollouts and metrics of a folder (also a synced one) come into the workspace within seconds, each once; Ctrl-C ends it, and the next time it goes on from there',
    )
    .argument(
      '<folder>',
      'folder, or file, that a trainer writes to: completions of TRL, rollout_data_dir of verl, prime-rl, verifiers, any JSON lines; metrics.jsonl and event files of TensorBoard',
    )
    .option('--once', 'end when all that is there was read')
    .option('--as <kind>', 'rollouts, or the name of a rollout source; guessed from the rows unless given')
    .option('--map <roles>', 'roles to columns, e.g. completion=output,reward=score')
    .option('--name <text>', 'what the run is called; the name of the folder unless given')
    .option('--grader <kind>', `how answers are compared (${Object.keys(graderKinds).join(', ')}); grades rollouts that carry no verdict`)
    .option(
      '--identity <by>',
      'what makes rollouts samples of one problem: prompt (the same prompt and answer) or id (the id that rows state)',
      'prompt',
    )
    .option('--every <ms>', 'time between two looks, in milliseconds', String(FOLLOW_EVERY_MS))
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--json', 'print one JSON object as the last line')
    .action((folder: string, options: FollowCommandOptions) =>
      withLab({ ...options, create: true, tellsItsEnd: true }, async ({ client: { follows }, folder: workspace, signal }) => {
        const everyMs = Number(options.every)
        if (!Number.isInteger(everyMs) || everyMs < 50)
          throw new LabError('follow.badEvery', {
            expected: 'whole milliseconds, 50 or more',
            found: options.every,
            next: 'Correct --every.',
          })
        const known = await follows.list()
        const { id, runId, path } = await follows.start({
          path: resolve(folder),
          as: options.as,
          map: rolesOf(options.map),
          name: options.name,
          grader: options.grader,
          identity: identityOf(options.identity),
        })
        const isNew = known.every((each) => each.id !== id)
        const say = (text: string): void => void process.stdout.write(`${new Date().toISOString().slice(11, 19)}  ${text}\n`)
        say(`${isNew ? 'following' : 'going on with'} ${path}, run ${runId}`)
        let state: FollowLook['state'] = 'there'
        while (!signal.aborted) {
          const looked = await follows.look({ followId: id })
          if (looked.state !== state) say(looked.state === 'missing' ? 'the folder is gone; waiting for it' : 'the folder is back')
          state = looked.state
          if (looked.read.length > 0) {
            const { rows, lastStep, files } = await follows.get({ followId: id })
            if (looked.rows + looked.rejected + looked.steps > 0) say(progressText(looked, rows, lastStep))
            for (const file of files)
              if (file.reason !== null && looked.read.includes(file.path))
                say(`! ${file.path}: expected ${file.reason.expected}; found ${file.reason.found}`)
          }
          if (options.once && looked.read.length + looked.putOff === 0) break
          await wait(everyMs, undefined, { signal }).catch(() => {})
        }
        const { rows, rejected, rollouts, lastStep, files, rejectedFile } = await follows.get({ followId: id })
        const stated = files.some(({ kind, rows: read }) => kind !== 'rows' && read > 0)
        if (options.once && isNew && rollouts === 0 && !stated) {
          await follows.takeBack({ followId: id })
          const refused = files.find(({ reason }) => reason !== null)?.reason
          throw refused
            ? new LabError(refused.code, refused)
            : new LabError('follow.nothing', {
                expected: `rollouts or metrics in ${path}`,
                found: files.length === 0 ? 'no file of either' : `${files.length} files without any`,
                next: 'Follow it without --once to wait for them, or name the format with --as.',
              })
        }
        say(
          `${rollouts} rollouts of ${rows - rejected} rows in run ${runId}${rejected > 0 ? `; ${rejected} rows kept aside in ${rejectedFile}` : ''}`,
        )
        for (const file of files.filter(({ waitingBytes }) => waitingBytes > 0))
          say(`! the last line of ${file.path} is not whole yet: ${file.waitingBytes} bytes wait`)
        if (options.json)
          writeJson({
            followId: id,
            runId,
            path,
            rows,
            rejected,
            rollouts,
            lastStep,
            files: files.map(({ path: name, kind, rows: read, rejected: lost, source, reason }) => ({
              path: name,
              kind,
              rows: read,
              rejected: lost,
              source,
              reason,
            })),
            workspace,
          })
      }),
    )
}

function progressText({ rows, rollouts, rejected, steps, read }: FollowLook, total: number, lastStep: number | null): string {
  const parts = [
    ...(rows > 0 ? [`+${rows} rows${rollouts === rows - rejected ? '' : ` (${rollouts} rollouts)`}`] : []),
    ...(rejected > 0 ? [`${rejected} rejected`] : []),
    ...(steps > 0 ? [`metrics of ${steps} steps`] : []),
  ]
  return `${parts.join(', ')} from ${read.length === 1 ? read[0] : `${read.length} files`}; ${total} rows in all${lastStep === null ? '' : `, step ${lastStep}`}`
}
