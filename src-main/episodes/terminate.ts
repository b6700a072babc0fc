// Forced termination: the prefix of a thought up to a boundary, followed by what makes the model answer at once. The
// policy that answers from there is mu, and its chance of success is J. The last boundary of a thought that closed by
// itself is not forced: the model is only let go on. So the first, the inner and the last point of a J curve can come
// from different prompts, which is why a template says both of its texts. How mu is sampled is not decided here.

/** What is appended to a thought, as text. Both contain the closing tag. */
export interface TerminationTemplate {
  readonly name: string
  /** Appended at the empty think block and at every boundary inside the thought. */
  readonly inner: string
  /** Appended to the complete thought. */
  readonly final: string
}

/** Built-in templates: nothing but the closing tag, and a worded stop that opens an explained solution. */
export const TERMINATION_TEMPLATES: readonly TerminationTemplate[] = [
  { name: 'bare', inner: '\n</think>\n\n', final: '\n</think>' },
  {
    name: 'time-is-up',
    inner: '\n\nTime is up. I have to stop here and give my final answer from what I have found so far.\n</think>\n\n**Solution**\n\n1. ',
    final: '\n</think>',
  },
]

/** The text from which mu answers at one boundary. */
export function terminateText(thoughtUpToBoundary: string, template: TerminationTemplate, isFinal: boolean): string {
  return thoughtUpToBoundary + (isFinal ? template.final : template.inner)
}

/**
 * The token prefixes from which mu answers, one per boundary: completion[0 .. boundary) then the suffix.
 * @param suffix tokens that close the thinking
 */
export function terminateTokens(completion: ArrayLike<number>, boundaries: ArrayLike<number>, suffix: readonly number[]): number[][] {
  const tokens = Array.from(completion)
  return Array.from(boundaries, (boundary) => {
    if (!(boundary >= 0 && boundary <= tokens.length)) throw new RangeError(`boundary ${boundary} lies outside a completion of ${tokens.length} tokens`)
    return [...tokens.slice(0, boundary), ...suffix]
  })
}
