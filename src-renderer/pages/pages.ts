/**
 * The pages of the application, one line each: what shows a route, what it is called, whether it stands in the sidebar, and
 * whether it can show anything without a workspace. Adding a page is adding its route and its line here.
 */
import type { Component } from 'svelte'
import type { CommandId } from '../state/commandTable.ts'
import type { Params, RouteName } from '../state/route.svelte.ts'

export interface Page<N extends RouteName> {
  readonly title: string
  readonly component: Component<{ params: Params<N> }>
  /** In the sidebar: the command that goes there. Pages without one are reached from others, `within` which they count. */
  readonly command?: CommandId
  readonly within?: RouteName
  readonly needsWorkspace: boolean
}

export const pages: { readonly [N in RouteName]?: Page<N> } = {}

/** Whether a link to this route leads anywhere. */
export const hasPage = (name: RouteName): boolean => pages[name] !== undefined
