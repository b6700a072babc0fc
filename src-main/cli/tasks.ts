// The commands about problems: which tasks there are to train on, and which datasets a workspace holds.
import { Command } from 'commander'
import { LabError, type Dataset, type LabEvent, type TaskDescription, type Tried } from '../../src-preload/contract.ts'
import { describeTasks } from '../lab/training/describe.ts'
import { answersText, exampleOf, tasksPage } from '../lab/files/taskPage.ts'
import { wholeNumber } from './options.ts'
import type { ProgressLine } from './progress.ts'
import { DEFAULT_WORKSPACE, withLab } from './session.ts'
import { tableText, writeJson } from './table.ts'

export function taskCommands(): Command[] {
  return [tasksCommand(), datasetsCommand()]
}

function tasksCommand(): Command {
  return new Command('tasks')
    .description('what a run can be trained on: tasks with their levels, and a problem of each with its answer')
    .argument('[name]', 'one task, with a problem of every level')
    .option(
      '--try <start>',
      'let a model of text try them, such as model:1: how often it is right at each level, or at the default of each task where none is named',
    )
    .option('--problems <n>', 'problems of each level to try', wholeNumber(1), 32)
    .option('--examples <n>', 'solved problems shown before each', wholeNumber(0), 0)
    .option('--thinking <tokens>', 'thinking tokens before the answer is forced', wholeNumber(1), 120)
    .option('--workspace <folder>', 'where the model is kept', DEFAULT_WORKSPACE)
    .option('--markdown', 'print the page docs/tasks.md')
    .option('--json', 'print one JSON object as the last line')
    .action(async (name: string | undefined, options: TasksOptions) => {
      if (options.markdown) {
        process.stdout.write(tasksPage())
        return
      }
      const all = describeTasks()
      const chosen = all.filter((task) => name === undefined || task.name === name)
      if (chosen.length === 0)
        throw new LabError('run.task', {
          expected: `one of the tasks ${all.map((task) => task.name).join(', ')}`,
          found: name!,
          next: 'See `mrt tasks` for the list.',
        })
      if (options.try !== undefined) {
        await tryModel(
          options.try,
          chosen.flatMap((task) =>
            task.levels.filter(({ id }) => name !== undefined || id === defaultOf(task)).map(({ id }) => ({ name: task.name, level: id })),
          ),
          options,
        )
        return
      }
      process.stdout.write(`${name === undefined ? listText(chosen) : detailText(chosen[0]!)}\n`)
      if (options.json)
        writeJson({
          tasks: chosen.map((task) => ({ ...task, examples: task.levels.map(({ id }) => ({ level: id, ...exampleOf(task.name, id) })) })),
        })
    })
}

interface TasksOptions {
  readonly try?: string
  readonly problems: number
  readonly examples: number
  readonly thinking: number
  readonly workspace: string
  readonly markdown?: boolean
  readonly json?: boolean
}

/** Room for the longest of the listed answers, the rows of a 6 x 6 Sudoku. */
const ANSWER_TOKENS = 64
const TRY_SEED = 1

const tryModel = (
  start: string,
  levels: readonly { readonly name: string; readonly level: string }[],
  { problems, examples, thinking, workspace, json }: TasksOptions,
): Promise<void> =>
  withLab({ workspace, onEvent: sayTried }, async ({ client }) => {
    const tried = await client.tasks.try({
      start,
      levels: [...levels],
      problems,
      examples,
      thinkingTokens: thinking,
      answerTokens: ANSWER_TOKENS,
      temperature: 1,
      seed: TRY_SEED,
    })
    process.stdout.write(
      `${tableText<Tried>(
        [
          { title: 'task', align: 'left', cell: (each) => each.name },
          { title: 'level', align: 'left', cell: (each) => each.level },
          { title: 'right', cell: (each) => `${each.right}/${each.problems}` },
          { title: 'share', cell: (each) => `${((100 * each.right) / each.problems).toFixed(0)} %` },
          { title: '95 %', cell: (each) => `${(100 * each.low).toFixed(0)} to ${(100 * each.high).toFixed(0)} %` },
          { title: 'as listed', cell: (each) => `${each.listed}/${each.right}` },
          { title: 'tokens', cell: (each) => each.tokens.toFixed(0) },
          { title: 'forced to answer', cell: (each) => `${each.forced}/${each.problems}` },
        ],
        tried,
      )}\n`,
    )
    if (json) writeJson({ start, examples, thinkingTokens: thinking, temperature: 1, tried })
  })

function sayTried(event: LabEvent, progress: ProgressLine): void {
  if (event.kind === 'tried')
    progress.say(`${event.tried.name} ${event.tried.level}: ${event.tried.right} of ${event.tried.problems} right`)
}

const defaultOf = ({ options }: TaskDescription): string => String(options.find((option) => option.name === 'level')?.default ?? '')

function listText(all: readonly TaskDescription[]): string {
  const table = tableText<TaskDescription>(
    [
      { title: 'task', align: 'left', cell: (task) => task.name },
      {
        title: 'levels, the easiest first',
        align: 'left',
        cell: (task) =>
          task.levels.map(({ id }) => (id === defaultOf(task) ? `[${id}]` : id)).join('  ') ||
          task.options.map((option) => `${option.name}: ${option.unit}`).join(', '),
      },
      { title: 'what it asks', align: 'left', cell: (task) => task.about },
    ],
    all,
  )
  const examples = all
    .filter(({ levels }) => levels.length > 0)
    .map((task) => {
      const { question, answers } = exampleOf(task.name, defaultOf(task))
      return `${task.name}: ${question}\n  → ${answersText(answers)}`
    })
  return `${table}\n\nThe level in brackets is the default. A problem of each:\n\n${examples.join('\n')}\n\nmrt tasks NAME shows one of every level; mrt run --preset gsm-lora --set task.name=NAME --set task.options.level=LEVEL trains on it.`
}

function detailText(task: TaskDescription): string {
  const options = task.options.map(
    ({ name, default: otherwise, choices, unit, reason }) =>
      `${name} = ${otherwise}${unit === '' ? '' : ` (${unit})`}: ${reason}${
        task.levels.length > 0
          ? ''
          : Object.entries(choices)
              .map(([id, meaning]) => `\n  ${id}: ${meaning}`)
              .join('')
      }`,
  )
  const levels = task.levels.map(({ id, label, problems }) => {
    const { question, answerForm, answers, thinking } = exampleOf(task.name, id)
    const lines = [
      `${id}: ${label}${problems === null ? '' : `, ${problems.toLocaleString('en')} problems`}`,
      ...question.split('\n'),
      `(${answerForm}) → ${answersText(answers)}`,
      ...(thinking === null ? [] : ['The teacher thinks:', ...thinking.split('\n')]),
    ]
    return lines.map((line, at) => (at === 0 ? line : `  ${line}`)).join('\n')
  })
  return [`${task.title} (${task.name}). ${task.about}`, ...options, ...levels].join('\n\n')
}

function datasetsCommand(): Command {
  return new Command('datasets')
    .description('the datasets of a workspace: imported ones, and those that runs drew')
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--json', 'print one JSON object as the last line')
    .action((options: { workspace: string; json?: boolean }) =>
      withLab(options, async ({ client }) => {
        const datasets = await client.datasets.list()
        process.stdout.write(
          datasets.length === 0
            ? 'No datasets yet: mrt import FILE\n'
            : `${tableText<Dataset>(
                [
                  { title: 'id', cell: (dataset) => String(dataset.id) },
                  { title: 'name', align: 'left', cell: (dataset) => dataset.name },
                  { title: 'kind', align: 'left', cell: (dataset) => dataset.kind },
                  {
                    title: 'problems by split',
                    align: 'left',
                    cell: ({ splits }) =>
                      Object.entries(splits)
                        .map(([split, count]) => `${split} ${count.toLocaleString('en')}`)
                        .join(', '),
                  },
                  { title: 'grader', align: 'left', cell: (dataset) => dataset.grader },
                ],
                datasets,
              )}\n`,
        )
        if (options.json) writeJson({ datasets })
      }),
    )
}
