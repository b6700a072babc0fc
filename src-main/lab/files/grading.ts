// The one grader for answers that arrive as lines, for faces that may not reach into the tasks themselves.
export { createGrader, GraderError } from '../../tasks/graders/grader.ts'
export { gradeLines } from '../../tasks/graders/lines.ts'
