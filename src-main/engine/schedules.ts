// Learning-rate schedules: a schedule is a function from the update's number, counted from 0, to a factor in 0..1 of the
// peak rate. Left out: anything that looks at the loss.

export type Schedule = (step: number) => number

export const constant: Schedule = () => 1

/**
 * Rises linearly over the first `warmupSteps` updates (the first one takes 1/warmupSteps of the peak), then follows `after`,
 * which counts from 0 again.
 */
export function withWarmup(warmupSteps: number, after: Schedule): Schedule {
  return (step) => (step < warmupSteps ? (step + 1) / warmupSteps : after(step - warmupSteps))
}

/** Falls in a line from 1 to `floor` over `steps` updates, then stays there. */
export function linearDecay(steps: number, floor = 0): Schedule {
  return (step) => floor + (1 - floor) * (1 - progress(step, steps))
}

/** Falls along half a cosine from 1 to `floor` over `steps` updates, then stays there (Loshchilov and Hutter 2017, equation 5). */
export function cosineDecay(steps: number, floor = 0): Schedule {
  return (step) => floor + ((1 - floor) * (1 + Math.cos(Math.PI * progress(step, steps)))) / 2
}

function progress(step: number, steps: number): number {
  return steps <= 0 ? 1 : Math.min(1, Math.max(0, step / steps))
}

export type ScheduleName = 'constant' | 'linear' | 'cosine'

export interface ScheduleSettings {
  readonly name: ScheduleName
  readonly warmupSteps: number
  readonly totalSteps: number
  /** What decays end at, as a factor of the peak; not read by 'constant'. */
  readonly floor?: number
}

const SHAPES: Readonly<Record<ScheduleName, (steps: number, floor: number) => Schedule>> = {
  constant: () => constant,
  linear: linearDecay,
  cosine: cosineDecay,
}

/** The schedule that plain settings describe: a warm-up inside `totalSteps`, then the named shape over the rest. */
export function schedule({ name, warmupSteps, totalSteps, floor = 0 }: ScheduleSettings): Schedule {
  return withWarmup(warmupSteps, SHAPES[name](totalSteps - warmupSteps, floor))
}
