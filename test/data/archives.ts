// Small archives made by hand, for tests that want their names and sizes exactly as given.

const words = (...parts: readonly (readonly [number, 2 | 4])[]): Buffer =>
  Buffer.concat(
    parts.map(([value, size]) => {
      const bytes = Buffer.alloc(size)
      bytes.writeUIntLE(value, 0, size)
      return bytes
    }),
  )

/** A zip of stored files. */
export function zipOf(files: readonly (readonly [name: string, content: string | Buffer])[]): Buffer {
  const locals: Buffer[] = []
  const entries: Buffer[] = []
  let at = 0
  for (const [name, content] of files) {
    const bytes = Buffer.from(content)
    const facts = [
      [0, 2],
      [0, 2],
      [0, 4],
      [0, 4],
      [bytes.length, 4],
      [bytes.length, 4],
      [Buffer.byteLength(name), 2],
      [0, 2],
    ] as const
    const local = Buffer.concat([words([0x04034b50, 4], [20, 2], ...facts), Buffer.from(name), bytes])
    entries.push(
      Buffer.concat([words([0x02014b50, 4], [20, 2], [20, 2], ...facts, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]), Buffer.from(name)]),
    )
    locals.push(local)
    at += local.length
  }
  const directory = Buffer.concat(entries)
  return Buffer.concat([
    ...locals,
    directory,
    words([0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [directory.length, 4], [at, 4], [0, 2]),
  ])
}
