// The pages as files, with the headers they are always sent with: over HTTP in served mode, over app:// in a desktop window. Which file an
// address means is decided here once; whatever lies outside the folder does not exist.

import { existsSync, statSync } from 'node:fs'
import { extname, join, resolve, sep } from 'node:path'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' blob: data:",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

/** Sent with everything. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.jsonl': 'application/jsonl',
  '.db': 'application/vnd.sqlite3',
}

export interface Page {
  readonly path: string
  readonly bytes: number
  readonly headers: Readonly<Record<string, string>>
}

/** Names with a hash in them never change their content. */
const isHashed = (path: string): boolean => /-[\w-]{8,}\.\w+$/.test(path)

/**
 * The file that `pathname` (as in a URL, percent-encoded) means in `folder`, or null. `/` is index.html.
 * Null for what is not an ordinary file, lies outside the folder, or is not a well-formed address.
 */
export function findPage(folder: string, pathname: string): Page | null {
  let decoded: string
  try {
    decoded = decodeURIComponent(pathname)
  } catch {
    return null
  }
  if (decoded.includes('\0') || decoded.includes('\\')) return null
  const root = resolve(folder)
  const path = resolve(join(root, decoded === '/' ? 'index.html' : decoded))
  if (!path.startsWith(root + sep) || !existsSync(path)) return null
  const stats = statSync(path)
  if (!stats.isFile()) return null
  return {
    path,
    bytes: stats.size,
    headers: {
      ...SECURITY_HEADERS,
      'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
      'content-length': String(stats.size),
      'cache-control': isHashed(path) ? 'public, max-age=31536000, immutable' : 'no-store',
    },
  }
}
