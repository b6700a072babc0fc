/**
 * Where every page of the workbench is, with its tabs, on the shipped sample (three finished runs): what tests that walk all of it go
 * through. A page that the table of pages has and this list lacks makes `test/layout/everyPage.test.ts` fail.
 */
export const pagePaths: readonly string[] = [
  '#/',
  '#/runs',
  '#/new',
  '#/glossary',
  '#/settings',
  '#/help',
  '#/help?page=concepts',
  '#/help?page=reference',
  '#/help?page=questions',
  ...['overview', 'evaluations', 'checkpoints', 'events', 'settings'].map((tab) => `#/run/1?tab=${tab}`),
  ...['episodes', 'tokens', 'group', 'training'].map((view) => `#/rollouts?run=1&step=40&view=${view}`),
  '#/rollouts?list=find&text=wait',
  '#/rollouts?list=picks&run=1',
  '#/compare?runs=1,2,3',
  ...['regret', 'calibration', 'segmentation', 'slices'].map((tab) => `#/thinking?run=1&tab=${tab}`),
  '#/studies',
  '#/studies?make=yes',
  '#/datasets',
  ...['overview', 'problems', 'overlap', 'kept'].map((tab) => `#/datasets?dataset=1&tab=${tab}`),
  '#/models',
  '#/models?model=1',
  '#/playground',
  '#/playground?task=own',
  '#/playground?b=checkpoint:1&problem=3',
]
