// The entry of the lab process. Telemetry of ONNX Runtime is off before anything can load it.
import { openPort, runLab, type LabSettings } from './runLab.ts'

process.env.ORT_DISABLE_TELEMETRY = '1'
runLab(openPort(), JSON.parse(process.argv[2]!) as LabSettings)
