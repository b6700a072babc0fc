// A tokenizer as a tokenizer.json says it, as far as it is read here.
export interface TokenizerJson {
  readonly model: { readonly type?: string; readonly vocab: Readonly<Record<string, number>> } & Readonly<Record<string, unknown>>
  readonly pre_tokenizer?: Step | null
  readonly added_tokens?: readonly { readonly id: number; readonly content: string; readonly special: boolean }[]
  readonly [more: string]: unknown
}

export type Step = Readonly<Record<string, unknown>>
