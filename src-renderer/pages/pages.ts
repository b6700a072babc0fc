/**
 * The pages of the application, one line each: what shows a route, what it is called, whether it stands in the sidebar, and
 * whether it can show anything without a workspace. Adding a page is adding its route and its line here.
 */
import type { Component } from 'svelte'
import type { CommandId } from '../state/commandTable.ts'
import type { Params, RouteName } from '../state/route.svelte.ts'
import Compare from './Compare.svelte'
import Datasets from './Datasets.svelte'
import Glossary from './Glossary.svelte'
import Help from './Help.svelte'
import Home from './Home.svelte'
import Models from './Models.svelte'
import NewRun from './NewRun.svelte'
import Playground from './Playground.svelte'
import Rollouts from './Rollouts.svelte'
import Run from './Run.svelte'
import Runs from './Runs.svelte'
import Settings from './Settings.svelte'
import Studies from './Studies.svelte'
import Thinking from './Thinking.svelte'

export interface Page<N extends RouteName> {
  readonly title: string
  readonly component: Component<{ params: Params<N> }>
  /** In the sidebar: the command that goes there. Pages without one are reached from others, `within` which they count. */
  readonly command?: CommandId
  readonly within?: RouteName
  readonly needsWorkspace: boolean
}

export const pages: { readonly [N in RouteName]?: Page<N> } = {
  home: { title: 'Home', component: Home, command: 'go.home', needsWorkspace: false },
  runs: { title: 'Runs', component: Runs, command: 'go.runs', needsWorkspace: true },
  run: { title: 'Run', component: Run, within: 'runs', needsWorkspace: true },
  rollouts: { title: 'Rollouts', component: Rollouts, command: 'go.rollouts', needsWorkspace: true },
  compare: { title: 'Compare', component: Compare, command: 'go.compare', needsWorkspace: true },
  thinking: { title: 'Thinking', component: Thinking, command: 'go.thinking', needsWorkspace: true },
  studies: { title: 'Studies', component: Studies, command: 'go.studies', needsWorkspace: true },
  datasets: { title: 'Datasets', component: Datasets, command: 'go.datasets', needsWorkspace: true },
  models: { title: 'Models', component: Models, command: 'go.models', needsWorkspace: true },
  playground: { title: 'Playground', component: Playground, command: 'go.playground', needsWorkspace: true },
  glossary: { title: 'Glossary', component: Glossary, needsWorkspace: false },
  help: { title: 'Help', component: Help, needsWorkspace: false },
  settings: { title: 'Settings', component: Settings, needsWorkspace: false },
  newRun: { title: 'New run', component: NewRun, within: 'runs', needsWorkspace: true },
}
