// Every command with a name and its shortcut, as one table: the menu of the desktop window, the palette, the sheet of shortcuts, the hints
// on buttons and the keyboard all read it. Pages say what a command does while they are open; choosing it in the menu tells the page its
// id. "Mod" is Ctrl, on a Mac ⌘. Bare letters are reading keys: they are ignored while somebody types.

export const commandSections = ['File', 'View', 'Run', 'Compare', 'Reading', 'Help'] as const
export type CommandSection = (typeof commandSections)[number]

export interface CommandText {
  readonly title: string
  readonly section: CommandSection
  readonly keys?: string
  /** Other keys that do the same. */
  readonly also?: readonly string[]
  /** Too small for the palette: moving about. */
  readonly quiet?: boolean
}

export const commandTable = {
  'run.new': { title: 'New run', section: 'File', keys: 'Mod+N' },
  'workspace.open': { title: 'Open workspace', section: 'File', keys: 'Mod+O' },
  'workspace.merge': { title: 'Take over runs of another workspace', section: 'File' },
  'workspace.sample': { title: 'Open the sample workspace', section: 'File' },
  import: { title: 'Import files', section: 'File', keys: 'Mod+I' },
  follow: { title: 'Follow a folder', section: 'File' },
  export: { title: 'Export', section: 'File', keys: 'Mod+Shift+E' },

  'go.home': { title: 'Go to Home', section: 'View', keys: 'Mod+Shift+H' },
  'go.runs': { title: 'Go to Runs', section: 'View', keys: 'Mod+1' },
  'go.compare': { title: 'Go to Compare', section: 'View', keys: 'Mod+2' },
  'go.rollouts': { title: 'Go to Rollouts', section: 'View', keys: 'Mod+3' },
  'go.thinking': { title: 'Go to Thinking', section: 'View', keys: 'Mod+4' },
  'go.datasets': { title: 'Go to Datasets', section: 'View', keys: 'Mod+5' },
  'go.models': { title: 'Go to Models', section: 'View', keys: 'Mod+6' },
  'go.playground': { title: 'Go to Playground', section: 'View', keys: 'Mod+7' },
  'go.studies': { title: 'Go to Studies', section: 'View', keys: 'Mod+8' },
  sidebar: { title: 'Hide or show the sidebar', section: 'View', keys: 'Mod+B' },
  'zoom.in': { title: 'Larger text', section: 'View', keys: 'Mod+=', also: ['Mod++', 'Mod+Shift++', 'Mod+Shift+='] },
  'zoom.out': { title: 'Smaller text', section: 'View', keys: 'Mod+-' },
  'zoom.reset': { title: 'Normal text size', section: 'View', keys: 'Mod+0' },
  'theme.system': { title: 'Theme: as the system', section: 'View' },
  'theme.light': { title: 'Theme: light', section: 'View' },
  'theme.dark': { title: 'Theme: dark', section: 'View' },
  contrast: { title: 'High contrast on or off', section: 'View' },

  'run.start': { title: 'Start', section: 'Run', keys: 'Mod+Enter' },
  'run.pause': { title: 'Pause', section: 'Run' },
  'run.resume': { title: 'Resume', section: 'Run' },
  'run.stop': { title: 'Stop after this step', section: 'Run', keys: 'Mod+.' },
  'run.duplicate': { title: 'Duplicate with changes', section: 'Run', keys: 'Mod+D' },
  'run.checkpoint': { title: 'Save a checkpoint', section: 'Run' },
  'run.rename': { title: 'Rename', section: 'Run' },
  'run.remove': { title: 'Move to the bin', section: 'Run' },

  'compare.add': { title: 'Compare chosen runs', section: 'Compare' },
  'compare.baseline': { title: 'Set the baseline', section: 'Compare' },
  'compare.diff': { title: 'Diff config', section: 'Compare' },
  'compare.next': { title: 'Next difference', section: 'Compare' },

  find: { title: 'Find on this page', section: 'Reading', keys: 'Mod+F' },
  'find.all': { title: 'Find in all rollouts', section: 'Reading', keys: 'Mod+Shift+F' },
  'sample.next': { title: 'next sample', section: 'Reading', keys: 'n', quiet: true },
  'sample.previous': { title: 'previous sample', section: 'Reading', keys: 'p', quiet: true },
  'sample.first': { title: 'first sample', section: 'Reading', keys: 'g', quiet: true },
  'sample.last': { title: 'last sample', section: 'Reading', keys: 'G', quiet: true },
  'episode.next': { title: 'next episode', section: 'Reading', keys: 'j', quiet: true },
  'episode.previous': { title: 'previous episode', section: 'Reading', keys: 'k', quiet: true },
  'step.next': { title: 'next step', section: 'Reading', keys: 'N', quiet: true },
  'step.previous': { title: 'previous step', section: 'Reading', keys: 'P', quiet: true },
  'reading.math': { title: 'markdown and mathematics', section: 'Reading', keys: 'm', quiet: true },
  'reading.mode': { title: 'how the text is shown', section: 'Reading', keys: 's', quiet: true },
  'reading.expand': { title: 'expand all', section: 'Reading', keys: 'e', quiet: true },
  'reading.collapse': { title: 'collapse all', section: 'Reading', keys: 'x', quiet: true },
  'reading.compare': { title: 'compare with another', section: 'Reading', keys: 'v', quiet: true },
  'reading.copy': { title: 'copy as Markdown', section: 'Reading', keys: 'c', quiet: true },
  'reading.find': { title: 'find in these samples', section: 'Reading', keys: 'f', also: ['/'], quiet: true },

  palette: { title: 'Commands', section: 'Help', keys: 'Mod+K', quiet: true },
  shortcuts: { title: 'Shortcuts', section: 'Help', keys: '?' },
  glossary: { title: 'Glossary', section: 'Help' },
} as const satisfies Readonly<Record<string, CommandText>>

export type CommandId = keyof typeof commandTable

export const commandText = (id: CommandId): CommandText => commandTable[id]

export const isCommand = (id: unknown): id is CommandId => typeof id === 'string' && Object.hasOwn(commandTable, id)
