// What a person types into a search box, as a full-text query. Words must all occur, "quoted phrases" occur exactly as typed
// (the index knows only words and numbers, so a phrase with signs in it is checked against the text too), and a trailing
// star matches any ending.

import { LabError } from '../../src-preload/contract.ts'

export interface TextQuery {
  /** For `MATCH`. */
  readonly match: string
  /** Patterns for `LIKE ... ESCAPE '\'` that the text must satisfy as well. */
  readonly like: readonly string[]
}

const HAS_WORD = /[\p{L}\p{N}]/u
const HAS_SIGN = /[^\p{L}\p{N}\s]/u

const quoted = (term: string): string => `"${term.replaceAll('"', '""')}"`
const pattern = (term: string): string => `%${term.replaceAll(/[\\%_]/g, '\\$&')}%`

/** Throws LabError `search.noWords` when there is no word or number to look up. */
export function parseTextQuery(text: string): TextQuery {
  // Control characters are in no word, and SQLite reads a text only up to a null.
  const terms = [...text.replace(/[\u0000-\u001f\u007f]/g, ' ').matchAll(/"([^"]*)"?|(\S+)/g)].map(([, phrase, word]) => ({
    text: phrase ?? word!.replace(/\*$/, ''),
    prefix: phrase === undefined && word!.endsWith('*'),
  }))
  const searchable = terms.filter((term) => HAS_WORD.test(term.text))
  if (searchable.length === 0)
    throw new LabError('search.noWords', {
      expected: 'at least one word or number to search for',
      found: text.trim() === '' ? 'nothing' : 'only signs',
      next: 'Type a word, or quote a phrase that contains one.',
    })
  return {
    match: searchable.map((term) => `${quoted(term.text)}${term.prefix ? ' *' : ''}`).join(' '),
    like: terms.filter((term) => HAS_SIGN.test(term.text)).map((term) => pattern(term.text)),
  }
}
