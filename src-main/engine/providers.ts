// Every device a graph could run on, in one table: what ONNX Runtime calls it, on which systems it exists, and how far this program goes
// with it. What is known of devices is known here.

/** Devices that sessions can be asked to run on. */
export type Device = 'cpu' | 'webgpu'

export type ProviderName = Device | 'cuda' | 'directml' | 'coreml'

export interface Provider {
  readonly title: string
  /** ONNX Runtime's name of what runs there. */
  readonly provider: string
  /** Systems on which it exists, as Node calls them. */
  readonly systems: readonly string[]
  /** Whether sessions are opened on it; the others are only described. */
  readonly opens: boolean
  /** One sentence: what it needs, or why it is not used. */
  readonly about: string
}

export const providers: { readonly [Name in ProviderName]: Provider } = {
  cpu: {
    title: 'Processor',
    provider: 'CPUExecutionProvider',
    systems: ['linux', 'darwin', 'win32'],
    opens: true,
    about: 'Runs everywhere; every other device is held against it.',
  },
  webgpu: {
    title: 'GPU (WebGPU)',
    provider: 'WebGpuExecutionProvider',
    systems: ['linux', 'darwin', 'win32'],
    opens: true,
    about: 'Needs a driver of Vulkan, Metal or Direct3D 12.',
  },
  cuda: {
    title: 'GPU (CUDA)',
    provider: 'CUDAExecutionProvider',
    systems: ['linux', 'win32'],
    opens: false,
    about: 'Its libraries are not part of what is installed, and no session is opened on it.',
  },
  directml: {
    title: 'GPU (DirectML)',
    provider: 'DmlExecutionProvider',
    systems: ['win32'],
    opens: false,
    about: 'Part of ONNX Runtime on Windows; no session is opened on it.',
  },
  coreml: {
    title: 'Neural engine (CoreML)',
    provider: 'CoreMLExecutionProvider',
    systems: ['darwin'],
    opens: false,
    about:
      'Part of ONNX Runtime on macOS; no session is opened on it: it computes in half precision, in which gradients are not those of the processor.',
  },
}

const opened = (name: ProviderName): name is Device => providers[name].opens

/** The devices a session may be asked for, the processor first. */
export const devices: readonly Device[] = (Object.keys(providers) as ProviderName[]).filter(opened)
