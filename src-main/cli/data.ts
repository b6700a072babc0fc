// The commands that bring data in and grade it. Filled by the data folder's own modules.
import type { Command } from 'commander'

export function dataCommands(): Command[] {
  return []
}
