/**
 * Files of a browser on their way to the lab: a browser tells no paths, so they are copied into the workspace first. A dropped
 * folder is walked and keeps its shape. One request per file, with its progress; cancelling takes back the rest.
 */
export interface Piece {
  /** Its name, or the folders it lies in and its name. */
  readonly parts: readonly string[]
  readonly file: File
}

const MOST_FILES = 5000

const entriesIn = (folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> => {
  const reader = folder.createReader()
  return new Promise((done, failed) => {
    const all: FileSystemEntry[] = []
    const more = () =>
      reader.readEntries((some) => {
        all.push(...some)
        // A reader gives at most a hundred at a time, and none at the end.
        if (some.length === 0 || all.length > MOST_FILES) done(all)
        else more()
      }, failed)
    more()
  })
}

const fileOf = (entry: FileSystemFileEntry): Promise<File> => new Promise((done, failed) => entry.file(done, failed))

/** Everything in what was dropped, hidden files left out. */
export async function piecesOf(
  dropped: readonly { readonly file: File; readonly entry: FileSystemEntry | null }[],
): Promise<readonly Piece[]> {
  const pieces: Piece[] = []
  async function walk(entry: FileSystemEntry, above: readonly string[]): Promise<void> {
    if (pieces.length >= MOST_FILES || (entry.name.startsWith('.') && above.length > 0)) return
    const parts = [...above, entry.name]
    if (entry.isFile) pieces.push({ parts, file: await fileOf(entry as FileSystemFileEntry) })
    else for (const inner of await entriesIn(entry as FileSystemDirectoryEntry)) await walk(inner, parts)
  }
  for (const { file, entry } of dropped) {
    if (entry?.isDirectory) await walk(entry, [])
    else pieces.push({ parts: file.webkitRelativePath ? file.webkitRelativePath.split('/') : [file.name], file })
  }
  return pieces
}

export interface SendOptions {
  readonly token: string
  readonly signal: AbortSignal
  /** Bytes that have left, of all. */
  readonly onProgress: (sent: number, total: number) => void
}

/**
 * Sends everything; resolves to the paths it has at the lab, one per file or folder that was dropped. Rejects with the
 * server's own words, or with the signal's reason.
 */
export async function send(pieces: readonly Piece[], { token, signal, onProgress }: SendOptions): Promise<readonly string[]> {
  const drop = crypto.randomUUID()
  const total = pieces.reduce((sum, { file }) => sum + file.size, 0)
  const roots = new Set<string>()
  let before = 0
  for (const { parts, file } of pieces) {
    const { root } = await put(`uploads/${[drop, ...parts].map(encodeURIComponent).join('/')}`, file, token, signal, (sent) =>
      onProgress(before + sent, total),
    )
    roots.add(root)
    before += file.size
    onProgress(before, total)
  }
  return [...roots]
}

/** A request whose progress can be seen, which `fetch` does not show. */
function put(
  address: string,
  file: File,
  token: string,
  signal: AbortSignal,
  onSent: (bytes: number) => void,
): Promise<{ readonly root: string }> {
  return new Promise((done, failed) => {
    if (signal.aborted) return failed(signal.reason)
    const request = new XMLHttpRequest()
    request.open('PUT', address)
    request.setRequestHeader('authorization', `Bearer ${token}`)
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.upload.onprogress = ({ loaded }) => onSent(loaded)
    const stop = () => request.abort()
    signal.addEventListener('abort', stop, { once: true })
    request.onabort = () => failed(signal.reason)
    request.onerror = () => failed(new Error(`${file.name} could not be sent: the connection broke, or the file changed while it was read`))
    request.onload = () => {
      signal.removeEventListener('abort', stop)
      if (request.status === 201) done(JSON.parse(request.responseText) as { root: string })
      else failed(new Error(`${file.name} was not taken: ${request.responseText.trim() || request.status}`))
    }
    request.send(file)
  })
}
