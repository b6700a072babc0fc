// The commands about problems: which tasks there are to train on, and which datasets a workspace holds.
import { Command } from 'commander'
import { LabError, type Dataset, type TaskDescription } from '../../src-preload/contract.ts'
import { describeTasks } from '../lab/describe.ts'
import { answersText, exampleOf, tasksPage } from '../lab/taskPage.ts'
import { DEFAULT_WORKSPACE, withSession } from './session.ts'
import { tableText, writeJson } from './table.ts'

export function taskCommands(): Command[] {
  return [tasksCommand(), datasetsCommand()]
}

function tasksCommand(): Command {
  return new Command('tasks').description('what a run can be trained on: tasks with their levels, and a problem of each with its answer')
    .argument('[name]', 'one task, with a problem of every level')
    .option('--markdown', 'print the page docs/tasks.md')
    .option('--json', 'print one JSON object as the last line')
    .action((name: string | undefined, options: { markdown?: boolean; json?: boolean }) => {
      if (options.markdown) {
        process.stdout.write(tasksPage())
        return
      }
      const all = describeTasks()
      const chosen = all.filter((task) => name === undefined || task.name === name)
      if (chosen.length === 0) throw new LabError('run.task', { expected: `one of the tasks ${all.map((task) => task.name).join(', ')}`, found: name!, next: 'See `mrt tasks` for the list.' })
      process.stdout.write(`${name === undefined ? listText(chosen) : detailText(chosen[0]!)}\n`)
      if (options.json) writeJson({ tasks: chosen.map((task) => ({ ...task, examples: task.levels.map(({ id }) => ({ level: id, ...exampleOf(task.name, id) })) })) })
    })
}

const defaultOf = ({ options }: TaskDescription): string => String(options.find((option) => option.name === 'level')?.default ?? '')

function listText(all: readonly TaskDescription[]): string {
  const table = tableText<TaskDescription>([
    { title: 'task', align: 'left', cell: (task) => task.name },
    { title: 'levels, the easiest first', align: 'left', cell: (task) => task.levels.map(({ id }) => (id === defaultOf(task) ? `[${id}]` : id)).join('  ') || task.options.map((option) => `${option.name}: ${option.unit}`).join(', ') },
    { title: 'what it asks', align: 'left', cell: (task) => task.about },
  ], all)
  const examples = all.filter(({ levels }) => levels.length > 0).map((task) => {
    const { question, answers } = exampleOf(task.name, defaultOf(task))
    return `${task.name}: ${question}\n  → ${answersText(answers)}`
  })
  return `${table}\n\nThe level in brackets is the default. A problem of each:\n\n${examples.join('\n')}\n\nmrt tasks NAME shows one of every level; mrt run --set task.name=NAME --set task.options.level=LEVEL trains on it.`
}

function detailText(task: TaskDescription): string {
  const options = task.options.map(({ name, default: otherwise, choices, unit, reason }) => `${name} = ${otherwise}${unit === '' ? '' : ` (${unit})`}: ${reason}${task.levels.length > 0 ? '' : Object.entries(choices).map(([id, meaning]) => `\n  ${id}: ${meaning}`).join('')}`)
  const levels = task.levels.map(({ id, label, problems }) => {
    const { question, answerForm, answers, thinking } = exampleOf(task.name, id)
    const lines = [`${id}: ${label}${problems === null ? '' : `, ${problems.toLocaleString('en')} problems`}`, ...question.split('\n'), `(${answerForm}) → ${answersText(answers)}`, ...(thinking === null ? [] : ['The teacher thinks:', ...thinking.split('\n')])]
    return lines.map((line, at) => (at === 0 ? line : `  ${line}`)).join('\n')
  })
  return [`${task.title} (${task.name}). ${task.about}`, ...options, ...levels].join('\n\n')
}

function datasetsCommand(): Command {
  return new Command('datasets').description('the datasets of a workspace: imported ones, and those that runs drew')
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--json', 'print one JSON object as the last line')
    .action((options: { workspace: string; json?: boolean }) => withSession(options, async ({ store }) => {
      const datasets = store.datasets.list()
      process.stdout.write(datasets.length === 0 ? 'No datasets yet: mrt import FILE\n' : `${tableText<Dataset>([
        { title: 'id', cell: (dataset) => String(dataset.id) },
        { title: 'name', align: 'left', cell: (dataset) => dataset.name },
        { title: 'kind', align: 'left', cell: (dataset) => dataset.kind },
        { title: 'problems by split', align: 'left', cell: ({ splits }) => Object.entries(splits).map(([split, count]) => `${split} ${count.toLocaleString('en')}`).join(', ') },
        { title: 'grader', align: 'left', cell: (dataset) => dataset.grader },
      ], datasets)}\n`)
      if (options.json) writeJson({ datasets })
    }))
}
