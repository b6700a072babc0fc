// Every device a graph could run on, in one table: what ONNX Runtime calls it, on which systems it exists, where its libraries come from, and how far this program goes
// with it. What is known of devices is known here.

/** Devices that sessions can be asked to run on. */
export type Device = 'cpu' | 'webgpu' | 'cuda'

export type ProviderName = Device | 'directml' | 'coreml'

export interface Provider {
  readonly title: string
  /** ONNX Runtime's name of what runs there. */
  readonly provider: string
  /** Systems on which it exists, as Node calls them. */
  readonly systems: readonly string[]
  /** Part of what is installed, put beside it by a person, or only described: no session is opened on it. */
  readonly comes: 'installed' | 'added' | 'described'
  /** One sentence: what it needs, or why it is not used. */
  readonly about: string
}

export const providers: { readonly [Name in ProviderName]: Provider } = {
  cpu: {
    title: 'Processor',
    provider: 'CPUExecutionProvider',
    systems: ['linux', 'darwin', 'win32'],
    comes: 'installed',
    about: 'Runs everywhere; every other device is held against it.',
  },
  webgpu: {
    title: 'GPU (WebGPU)',
    provider: 'WebGpuExecutionProvider',
    systems: ['linux', 'darwin', 'win32'],
    comes: 'installed',
    about: 'Needs a driver of Vulkan, Metal or Direct3D 12.',
  },
  cuda: {
    title: 'GPU (CUDA)',
    provider: 'CUDAExecutionProvider',
    systems: ['linux'],
    comes: 'added',
    about: "Needs NVIDIA's driver, and libraries that `mrt devices --setup cuda --from FOLDER` links beside ONNX Runtime.",
  },
  directml: {
    title: 'GPU (DirectML)',
    provider: 'DmlExecutionProvider',
    systems: ['win32'],
    comes: 'described',
    about: 'Part of ONNX Runtime on Windows; no session is opened on it.',
  },
  coreml: {
    title: 'Neural engine (CoreML)',
    provider: 'CoreMLExecutionProvider',
    systems: ['darwin'],
    comes: 'described',
    about:
      'Part of ONNX Runtime on macOS; no session is opened on it: it computes in half precision, in which gradients are not those of the processor.',
  },
}

const opened = (name: ProviderName): name is Device => providers[name].comes !== 'described'

/** The devices a session may be asked for, the processor first. */
export const devices: readonly Device[] = (Object.keys(providers) as ProviderName[]).filter(opened)
