// The entry of a lab process with fake experiments; its parent is a test.
import { openPort, runLab, type LabSettings } from '../../src-main/lab/process/runLab.ts'
import { fakeExperiments } from './fakeExperiments.ts'

runLab(openPort(), JSON.parse(process.argv[2]!) as LabSettings, { experiments: fakeExperiments })
