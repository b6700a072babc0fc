// A prompt as the conversation that a chat template made it of: the marks of the usual families, and who speaks between them. Only for
// reading: what was sampled from is the text as it stands.

interface Turn {
  readonly role: string
  readonly text: string
}

interface Family {
  /** Opens a message; its first group names who speaks. */
  readonly opens: RegExp
  readonly closes: RegExp
}

const families: readonly Family[] = [
  { opens: /<\|im_start\|>([\w-]+)\n/g, closes: /<\|im_end\|>/ },
  { opens: /<\|start_header_id\|>([\w-]+)<\|end_header_id\|>\n*/g, closes: /<\|(?:eot|eom)_id\|>/ },
  { opens: /<start_of_turn>(\w+)\n/g, closes: /<end_of_turn>/ },
  { opens: /<\|start_of_role\|>(\w+)<\|end_of_role\|>/g, closes: /<\|end_of_text\|>/ },
  { opens: /<\|start\|>(\w+)(?:<\|channel\|>\w+)?<\|message\|>/g, closes: /<\|(?:end|return|call)\|>/ },
  { opens: /<｜(User|Assistant)｜>/g, closes: /<｜end▁of▁sentence｜>/ },
  { opens: /<\|(system|user|assistant|tool)\|>\n?/gi, closes: /<\|(?:end|endoftext|end_of_text)\|>|<\/s>/ },
]
/** Marks before the first message that say nothing. */
const BEGINNING = /^\s*(?:<\|begin_of_text\|>|<｜begin▁of▁sentence｜>|<bos>|<s>)\s*/
const names: Readonly<Record<string, string>> = { model: 'assistant', human: 'user', ipython: 'tool', developer: 'system' }
const roleOf = (word: string): string => names[word.toLowerCase()] ?? word.toLowerCase()

/**
 * Turns of a prompt in order, or null for a text that no known template made. The turn that the model is asked for comes last, with what the template
 * already wrote of it (`<think>`); where that is nothing it is left out.
 */
export function readChat(prompt: string): readonly Turn[] | null {
  const text = prompt.replace(BEGINNING, '')
  const turns =
    families.map((family) => turnsOf(text, family)).find((found) => found.length > 0) ?? instructions(text) ?? withoutMarks(text)
  return turns === null ? null : turns.map(({ role, text: said }) => ({ role, text: said.trim() })).filter(({ text: said }) => said !== '')
}

function turnsOf(text: string, { opens, closes }: Family): readonly Turn[] {
  const marks = [...text.matchAll(opens)]
  if (marks.length === 0) return []
  const before = text.slice(0, marks[0]!.index)
  return [
    { role: 'system', text: before },
    ...marks.map((mark, i) => {
      const said = text.slice(mark.index + mark[0].length, marks[i + 1]?.index)
      const end = said.search(closes)
      return { role: roleOf(mark[1]!), text: end < 0 ? said : said.slice(0, end) }
    }),
  ]
}

/** `[INST] <<SYS>> … <</SYS>> question [/INST] answer </s>` of the older families. */
function instructions(text: string): readonly Turn[] | null {
  if (!/\[INST\][\s\S]*\[\/INST\]/.test(text)) return null
  return text.split(/<\/?s>|(?=\[INST\])/).flatMap((part) => {
    const [, system, asked, answered] = /^\s*\[INST\]\s*(?:<<SYS>>([\s\S]*?)<<\/SYS>>)?([\s\S]*?)\[\/INST\]([\s\S]*)$/.exec(part) ?? []
    return asked === undefined
      ? [{ role: 'system', text: part }]
      : [
          { role: 'system', text: system ?? '' },
          { role: 'user', text: asked },
          { role: 'assistant', text: answered! },
        ]
  })
}

/** ChatML whose marks a trainer left out when it wrote the prompt down: a line with nothing but who speaks, up to the model's. */
function withoutMarks(text: string): readonly Turn[] | null {
  if (!/^(?:system|user)\n/.test(text) || !/\nassistant\n(?:<think>)?\s*$/.test(text)) return null
  return text
    .split(/^(?=(?:system|user|assistant)\n)/m)
    .map((part) => ({ role: part.slice(0, part.indexOf('\n')), text: part.slice(part.indexOf('\n') + 1) }))
}
