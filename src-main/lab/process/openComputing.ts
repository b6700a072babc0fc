// The engine alone, for work without a workspace.
import { openEngine } from '../../engine/engine.ts'
import type { Engine } from '../../engine/engine.ts'

/** The caller disposes it. */
export const openComputing = (): Engine => openEngine()
