// The rule of thinking that the decoder keeps token by token (native/src/completion.cc), kept over text that came in one piece: where what was drawn
// counts, where the thought is closed, and what has to be written next. A token depends only on those before it, so text drawn beyond a cut is
// simply left out. Pure.

export interface ThinkingRule {
  readonly closers: readonly (readonly number[])[]
  /** Written when the budget is used up. */
  readonly endTokens: readonly number[]
  /** Written in the place of a closer that comes too early. */
  readonly extendTokens: readonly number[]
  readonly stopTokens: readonly number[]
  /** End an answer. */
  readonly answerStops: readonly number[]
  /** Thinking tokens after which `endTokens` are written. */
  readonly budget: number
  readonly minimum: number
  readonly answerTokens: number
  /** Most tokens in all, what the rollout starts from left out. */
  readonly room: number
  /** Thinking tokens before what is written here. */
  readonly before: number
}

export interface Written {
  readonly tokens: number[]
  /** 1 where drawn, 0 where forced. */
  readonly sampled: (0 | 1)[]
  /** Log-prob of each token, 0 where forced; null once one is not known. */
  logps: number[] | null
  thinking: boolean
  thinkingTokens: number
  answerTokens: number
}

/** What a rollout needs next: to be drawn on, or nothing. */
export type Next = 'draw' | 'stop' | 'length'

export const beginWriting = (rule: ThinkingRule): Written => ({
  tokens: [],
  sampled: [],
  logps: [],
  thinking: true,
  thinkingTokens: rule.before,
  answerTokens: 0,
})

const closing = ({ closers }: ThinkingRule, tokens: readonly number[], token: number): number => {
  const closer = closers.find(
    (run) =>
      run.at(-1) === token &&
      run.length - 1 <= tokens.length &&
      run.slice(0, -1).every((each, at) => tokens[tokens.length - run.length + 1 + at] === each),
  )
  return closer?.length ?? 0
}

function put(written: Written, token: number, logp: number | null, drawn: 0 | 1): void {
  written.tokens.push(token)
  written.sampled.push(drawn)
  written.logps = written.logps === null || logp === null ? null : [...written.logps, logp]
}

/** Ends a thought whose budget is used up; true where it was. */
function force(written: Written, rule: ThinkingRule): boolean {
  if (!written.thinking || written.thinkingTokens < rule.budget) return false
  for (const token of rule.endTokens) put(written, token, 0, 0)
  written.thinking = false
  return true
}

/**
 * Takes what was drawn into a rollout, as far as it counts.
 * @param drawn tokens that continue `written`
 * @param logps theirs; null where they are not known
 * @param ended whether the model ended by itself after them, where the end is no token among them
 */
export function takeDrawn(
  written: Written,
  rule: ThinkingRule,
  drawn: readonly number[],
  logps: readonly number[] | null,
  ended: boolean,
): Next {
  if (force(written, rule)) return 'draw'
  for (const [at, token] of drawn.entries()) {
    const closed = written.thinking ? closing(rule, written.tokens, token) : 0
    if (closed > 0 && written.thinkingTokens + 1 - closed < rule.minimum) return extend(written, rule)
    put(written, token, logps === null ? null : logps[at]!, 1)
    if (closed > 0) written.thinking = false
    else if (written.thinking) written.thinkingTokens++
    else written.answerTokens++
    if (rule.stopTokens.includes(token)) return 'stop'
    if (written.tokens.length >= rule.room) return 'length'
    if (written.thinking) {
      if (force(written, rule)) return 'draw'
      continue
    }
    if (written.answerTokens > 0 && rule.answerStops.includes(token)) return 'stop'
    if (written.answerTokens >= rule.answerTokens) return 'length'
  }
  if (!ended) return drawn.length === 0 ? 'length' : 'draw'
  if (written.thinking && written.thinkingTokens < rule.minimum) return extend(written, rule)
  return 'stop'
}

function extend(written: Written, rule: ThinkingRule): Next {
  for (const token of rule.extendTokens) {
    put(written, token, 0, 0)
    written.thinkingTokens++
    if (written.tokens.length >= rule.room) return 'length'
  }
  force(written, rule)
  return 'draw'
}
