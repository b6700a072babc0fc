/** The table of commands, which the menu of the desktop window reads too: it lives in the contract. */
export { commandSections as sections, commandTable, commandText } from '../../src-preload/contract.ts'
export type { CommandId, CommandSection as Section, CommandText } from '../../src-preload/contract.ts'
