// The contract: everything that may cross between a window (or terminal, or browser) and the laboratory, described once as
// plain data with a schema beside each type. This is the only entry; the parts, in reading order, are the error, what a run
// is made of, the records the store keeps, the questions screens ask of them, the events that stream while work goes on,
// the files that come and leave, the text form in which all of it travels, the methods grouped by noun, the commands of menu and keyboard, and the client.
// Units are in the names (Tokens, Ms, Bytes); times are milliseconds since 1970; token offsets count from the start of
// the completion. Metric names follow TRL (`reward`, `completions/mean_length`); ours are `mrt/*` and `ttc/*`.

export { SCHEMA_VERSION } from './contract/values.ts'
export type { Json } from './contract/values.ts'
export * from './contract/errors.ts'
export * from './contract/runSpec.ts'
export * from './contract/records.ts'
export * from './contract/questions.ts'
export * from './contract/events.ts'
export * from './contract/exports.ts'
export * from './contract/imports.ts'
export * from './contract/follows.ts'
export * from './contract/merging.ts'
export * from './contract/storage.ts'
export * from './contract/playground.ts'
export * from './contract/wire.ts'
export * from './contract/methods.ts'
export * from './contract/reportData.ts'
export * from './contract/specFields.ts'
export * from './contract/commands.ts'
export * from './contract/client.ts'
