// Devices as a person sees them: the table of all that are known, what each showed in its self-test, and why runs may not name it.
import type { SystemInfo } from '../../../src-preload/contract.ts'
import { providers, type ProviderName } from '../../engine/providers.ts'
import { cudaIsThere } from './deviceSetup.ts'
import { refusalOf, type DeviceTests } from './deviceTests.ts'

export { devices } from '../../engine/providers.ts'

/**
 * Every device that is known, the processor first. That one can be used says nothing of how well it computes: its self-test does.
 * @param built providers that ONNX Runtime was built with; null where it is not loaded
 */
export function describeDevices(built: readonly string[] | null, tests: DeviceTests): SystemInfo['engine']['devices'] {
  return (Object.keys(providers) as ProviderName[]).map((name) => {
    const { title, provider, systems, comes, about } = providers[name]
    const here = systems.includes(process.platform)
    const present = { installed: () => built === null || built.includes(provider), added: cudaIsThere, described: () => false }
    return {
      name,
      title,
      usable: here && present[comes](),
      reason: here ? about : `Does not exist on ${process.platform}.`,
      test: tests.of(name),
      refused: refusalOf(name, tests),
    }
  })
}
