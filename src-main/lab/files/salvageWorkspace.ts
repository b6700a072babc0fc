// What faces need of a damaged workspace.
export { complaintAbout } from '../../store/check.ts'
export { salvage } from '../../store/salvage.ts'
