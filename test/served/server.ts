// A server of the completions protocol for tests: the little model of text in the engine here, behind loopback, in the manners of several servers, and
// with every misbehaviour that a test asks for.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Decoder } from '../../src-main/engine/decoder.ts'
import { exactMu } from '../../src-main/rollout/exactMu.ts'
import type { Policy } from '../../src-main/rollout/policy.ts'
import type { TextTokenizer } from '../../src-main/model/tokenizers/tokenizer.ts'

/** `vllm`: ids and log-probs of prompts in fields of its own; `llama`: tokens as objects; `echo`: prompts repeated; `text`: no ids and no log-probs. */
export type Manner = 'vllm' | 'llama' | 'echo' | 'text'
/** What happens instead of an answer. */
export type Fault = 'error' | 'busy' | 'cut' | 'garbage' | 'shape' | 'slow' | 'hang up' | null

export interface ServerOptions {
  readonly manner: Manner
  readonly policy: Policy
  readonly tokenizer: TextTokenizer
  readonly mostAlternatives?: number
  readonly name?: string
  readonly key?: string
  /** Tokens that it puts before a prompt of its own accord. */
  readonly before?: readonly number[]
  /** Fails when it is asked which models it has. */
  readonly listsNothing?: boolean
  readonly port?: number
}

export interface Running {
  readonly url: string
  readonly port: number
  /** Completions that were answered whole. */
  answered: number
  /** Requests whose connection the asker closed. */
  left: number
  /** Called for each completion. */
  fault: (request: number) => Fault
  close(): Promise<void>
}

interface Body {
  readonly model: string
  readonly prompt: readonly number[] | string
  readonly max_tokens: number
  readonly temperature: number
  readonly seed?: number
  readonly logprobs?: number
  readonly prompt_logprobs?: number
  readonly echo?: boolean
  readonly return_token_ids?: boolean
}

const known = new Set(['model', 'prompt', 'max_tokens', 'temperature', 'top_p', 'seed', 'logprobs', 'echo', 'stop'])

export async function openServer({
  manner,
  policy,
  tokenizer,
  mostAlternatives = 1000,
  name = 'little',
  key,
  before = [],
  listsNothing = false,
  port = 0,
}: ServerOptions): Promise<Running> {
  const vocabulary = Array.from({ length: policy.config.vocabSize }, (_, id) => id)
  /** Log-probs of every token after `tokens`. */
  async function distribution(tokens: readonly number[]): Promise<readonly number[]> {
    let said: Float32Array | null = null
    const answers = {
      token: Int32Array.from(vocabulary),
      parent: new Int32Array(vocabulary.length).fill(-1),
      terminal: new Uint8Array(vocabulary.length).fill(1),
      strings: vocabulary.length,
    }
    await exactMu([{ prompt: tokens.slice(0, -1), completion: [], cuts: [0], answers }], tokens.slice(-1), async (feeds) => {
      const out = await policy.branches.run(feeds)
      said = out.child_logps!.data as Float32Array
      return out
    })
    return Array.from(said!).slice(0, vocabulary.length)
  }
  const likeliest = (logps: readonly number[], most: number): [number, number][] =>
    vocabulary
      .map((id): [number, number] => [id, logps[id]!])
      .sort((a, b) => b[1] - a[1])
      .slice(0, most)
  const textOf = (ids: readonly number[]): string => tokenizer.decode(ids, { plain: true })
  const bytesOf = (id: number): number[] => [...tokenizer.piece(id)]

  async function complete(body: Body): Promise<unknown> {
    const prompt = [...before, ...(typeof body.prompt === 'string' ? tokenizer.encode(body.prompt) : body.prompt)]
    const [written] = await (policy.decoder as Decoder).generate({
      sources: [Int32Array.from(prompt)],
      requests: [
        {
          source: 0,
          seed: body.seed ?? 1,
          maxNewTokens: body.max_tokens,
          stopTokens: [...tokenizer.stopTokens],
          temperature: body.temperature || 1,
          greedy: body.temperature === 0,
          topK: 0,
          topP: 1,
          minP: 0,
          prefixThinkingTokens: 0,
        },
      ],
    })
    const stopped = written!.finish === 'stop'
    const ids = [...written!.tokens].slice(0, stopped ? -1 : undefined)
    const logps = [...written!.logps]
    const most = body.logprobs ?? 0
    const tops: [number, number][][] = []
    if (most > 1) for (let at = 0; at < ids.length; at++) tops.push(likeliest(await distribution([...prompt, ...ids.slice(0, at)]), most))
    const usage = { prompt_tokens: prompt.length, completion_tokens: ids.length }
    const choice: Record<string, unknown> = { text: textOf(ids), index: 0, finish_reason: stopped ? 'stop' : 'length' }
    if (manner === 'llama' && most > 0)
      choice.logprobs = {
        content: ids.map((id, at) => ({
          id,
          token: textOf([id]),
          bytes: bytesOf(id),
          logprob: logps[at],
          top_logprobs: (tops[at] ?? [[id, logps[at]]]).map(([one, logprob]) => ({
            id: one,
            token: textOf([one!]),
            bytes: bytesOf(one!),
            logprob,
          })),
        })),
      }
    if (manner === 'vllm' || manner === 'echo') {
      const scored =
        body.echo || body.prompt_logprobs !== undefined
          ? [...(await policy.score([{ prompt: prompt.slice(0, 1), completion: prompt.slice(1) }]))[0]!]
          : []
      /** The likeliest at the last places of the prompt, where tests look. */
      const named = async (at: number, wanted: number): Promise<[number, number][]> =>
        wanted > 1 && at > prompt.length - 12 ? likeliest(await distribution(prompt.slice(0, at)), wanted) : []
      if (most > 0) {
        const all = body.echo ? [...prompt, ...ids] : ids
        const promptTops: Record<string, number>[] = []
        if (body.echo)
          for (let at = 0; at < prompt.length; at++)
            promptTops.push(Object.fromEntries((await named(at, most)).map(([id, logp]) => [`token_id:${id}`, logp])))
        choice.logprobs = {
          tokens: all.map((id) => `token_id:${id}`),
          token_logprobs: [...(body.echo ? [null, ...scored] : []), ...logps.slice(0, ids.length)],
          top_logprobs: [
            ...(body.echo ? promptTops : []),
            ...ids.map((id, at) => Object.fromEntries((tops[at] ?? [[id, logps[at]!]]).map(([one, logp]) => [`token_id:${one}`, logp]))),
          ],
        }
      }
      if (manner === 'vllm') {
        choice.token_ids = ids
        if (body.prompt_logprobs !== undefined)
          choice.prompt_logprobs = await Promise.all(
            prompt.map(async (id, at) =>
              at === 0
                ? null
                : Object.fromEntries(
                    [...(await named(at, body.prompt_logprobs!)), [id, scored[at - 1]!] as const].map(([one, logprob]) => [
                      one,
                      { logprob },
                    ]),
                  ),
            ),
          )
      }
    }
    return { id: 'x', object: 'text_completion', model: name, choices: [choice], ...(manner !== 'echo' && { usage }) }
  }

  let last: Promise<unknown> = Promise.resolve()
  /** One at a time, in the order of their coming: a decoder does one thing at once. */
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const mine = last.then(work, work)
    last = mine.catch(() => {})
    return mine
  }
  let requests = 0
  const running: Running = {
    url: '',
    port: 0,
    answered: 0,
    left: 0,
    fault: () => null,
    close: () => new Promise((done) => (server.closeAllConnections(), server.close(() => done()))),
  }
  const server = http.createServer((request, response) => {
    const answer = (status: number, json: unknown, headers: Record<string, string> = {}): void =>
      void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(json))
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) return answer(401, { error: { message: 'who are you?' } })
    if (request.url === '/v1/models' && listsNothing) return answer(500, 'Internal Server Error')
    if (request.url === '/v1/models') return answer(200, { data: [{ id: name, max_model_len: 512 }] })
    if (request.url !== '/v1/completions') return answer(404, { detail: 'Not Found' })
    response.on('close', () => (running.left += response.writableFinished ? 0 : 1))
    let text = ''
    request.on('data', (part: Buffer) => (text += part.toString()))
    request.on('end', () => {
      const body = JSON.parse(text) as Body
      const refused = refusal(body)
      if (refused !== null) return answer(400, { error: { message: refused } })
      const fault = running.fault(requests++)
      if (fault === 'error') return answer(500, { error: { message: 'out of memory' } })
      if (fault === 'busy') return answer(429, {}, { 'retry-after': '0' })
      if (fault === 'garbage') return void response.writeHead(200).end('<html>502</html>')
      if (fault === 'shape') return answer(200, { choices: [] })
      if (fault === 'slow') return
      if (fault === 'hang up') return void request.socket.destroy()
      void inTurn(() => complete(body)).then((json) => {
        const sent = JSON.stringify(json)
        if (fault === 'cut') {
          response.writeHead(200, { 'content-type': 'application/json', 'content-length': sent.length })
          response.write(sent.slice(0, sent.length / 2))
          return void setTimeout(() => request.socket.destroy(), 5)
        }
        running.answered++
        answer(200, json)
      })
    })
  })
  function refusal(body: Body): string | null {
    if (manner === 'text' && typeof body.prompt !== 'string') return 'prompt must be a string.'
    if ((body.logprobs ?? 0) > mostAlternatives) return `logprobs of at most ${mostAlternatives}`
    const strange = Object.keys(body).filter((field) => !known.has(field))
    if ((manner === 'echo' || manner === 'text') && strange.length > 0) return `unexpected fields: ${strange.join(', ')}`
    return manner !== 'echo' && body.echo ? 'echo is not supported' : null
  }
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const taken = (server.address() as AddressInfo).port
  return Object.assign(running, { port: taken, url: `http://127.0.0.1:${taken}` })
}
