// What the words after the program's name ask for: a workspace, files to import, or a place in the program. They come from a terminal, from a
// second start, from the system's "open with", or from a link; whatever does not exist or is not ours is left out.

import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** Of links such as `mrt-workbench://run/3`. */
export const SCHEME = 'mrt-workbench'
const DATABASE = 'workspace.db'
const PLACES = /^\/(runs|compare|rollouts|thinking|datasets|models|glossary|run\/\d{1,12})?$/

export interface Wanted {
  /** Workspace to open. */
  readonly folder: string | null
  /** Other files and folders, to be imported. */
  readonly files: readonly string[]
  /** The part of a page's address after the #. */
  readonly route: string | null
}

function placeOf(link: string): string | null {
  try {
    const { protocol, host, pathname } = new URL(link)
    const place = `/${host}${pathname === '/' ? '' : pathname}`
    return protocol === `${SCHEME}:` && PLACES.test(place) ? place : null
  } catch {
    return null
  }
}

/** @param args without the program itself */
export function readArguments(args: readonly string[]): Wanted {
  const at = args.indexOf('--workspace')
  const named = at >= 0 ? args[at + 1] : undefined
  const rest = at >= 0 ? args.toSpliced(at, 2) : args
  const links = rest.filter((each) => each.startsWith(`${SCHEME}:`))
  const paths = rest.filter((each) => !each.startsWith('-') && !links.includes(each) && existsSync(each)).map((each) => resolve(each))
  const workspaces = paths.flatMap((path) =>
    basename(path) === DATABASE ? [dirname(path)] : statSync(path).isDirectory() && existsSync(join(path, DATABASE)) ? [path] : [],
  )
  return {
    folder: named !== undefined ? resolve(named) : (workspaces[0] ?? null),
    files: paths.filter((path) => basename(path) !== DATABASE && !workspaces.includes(path)),
    route: links.map(placeOf).find((place) => place !== null) ?? null,
  }
}

/** The first switch that would let another program drive or read this one; null without. */
export const debuggingSwitch = (args: readonly string[]): string | null =>
  args.find((each) =>
    /^--(remote-debugging-(port|pipe|address|targets)|remote-allow-origins|inspect(-[a-z-]+)?|js-flags|load-extension|disable-web-security|no-sandbox)(=|$)/.test(
      each,
    ),
  ) ?? null
