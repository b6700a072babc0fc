// Which devices can run a graph here and now: a two-number graph is loaded and run on each. Whether a device computes
// gradients well enough to train on is another question, which a self-test with a real model answers.
import type { EngineErrorCode } from './errors.ts'
import { EngineError } from './errors.ts'
import { devices, providers, type Device } from './providers.ts'
import type { Session, SessionOptions } from './session.ts'
import { tensor } from './tensor.ts'

export interface DeviceReport {
  readonly device: Device
  /** ONNX Runtime's name of what runs there. */
  readonly provider: string
  readonly usable: boolean
  /** Why not. */
  readonly problem?: { readonly code: EngineErrorCode; readonly message: string }
}

/** y = x + x for a vector x of float32, as an ONNX model (opset 21). */
const PROBE = 'CAo6QAoTCgF4CgF4EgF5GgF5IgNBZGQ6ABIFcHJvYmVaEAoBeBILCgkIARIFCgMSAU5iEAoBeRILCgkIARIFCgMSAU5CBAoAEBU='

/**
 * One report per device that sessions are opened on, the processor first.
 * @param built providers that ONNX Runtime was built with; what was added says itself what it lacks
 */
export async function probeDevices(
  built: readonly string[],
  createSession: (onnx: Uint8Array, options: SessionOptions) => Promise<Session>,
): Promise<readonly DeviceReport[]> {
  const reports: DeviceReport[] = []
  for (const device of devices) reports.push({ device, provider: providers[device].provider, ...(await probe(device)) })
  return reports

  async function probe(device: Device): Promise<Pick<DeviceReport, 'usable' | 'problem'>> {
    const { provider, systems, comes } = providers[device]
    const missing = (message: string) => ({ usable: false, problem: { code: 'device-unavailable' as const, message } })
    if (!systems.includes(process.platform)) return missing(`${provider} does not exist on ${process.platform}`)
    if (comes === 'installed' && !built.includes(provider)) return missing(`ONNX Runtime was built without ${provider}`)
    try {
      const session = await createSession(
        Uint8Array.from(atob(PROBE), (char) => char.charCodeAt(0)),
        { device },
      )
      const { y } = await session.run({ x: tensor.float32([1, 2]) }).finally(() => session.dispose())
      const right = y!.data[0] === 2 && y!.data[1] === 4
      return right
        ? { usable: true }
        : { usable: false, problem: { code: 'runtime', message: `1 + 1 and 2 + 2 came back as ${y!.data.join(' and ')}` } }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      return { usable: false, problem: { code: error.code, message: error.message } }
    }
  }
}
