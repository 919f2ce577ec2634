import picomatch from 'picomatch'
import type { ObjectPin, ObjectReader } from '../stores/object-store.ts'

/**
 * The objects that a glob names, as they are now, in code-point order of their keys. Globs are picomatch's:
 * `*` within a folder, `**` across folders, `{a,b}`, `[0-9]`; names that begin with a dot only match a
 * pattern that says so.
 */
export async function pinFiles(store: ObjectReader, glob: string): Promise<ObjectPin[]> {
  if (literalPrefix(glob) === glob) return await pinOne(store, glob)
  const matches = picomatch(glob)
  const pins: ObjectPin[] = []
  for await (const { key, size, etag } of store.list(literalPrefix(glob))) {
    if (matches(key)) pins.push({ key, size, etag })
  }
  return pins
}

async function pinOne(store: ObjectReader, key: string): Promise<ObjectPin[]> {
  const info = await store.head(key)
  return info === undefined ? [] : [{ key, size: info.size, etag: info.etag }]
}

/** The longest prefix that every match must have, so that no more than that is listed. */
export function literalPrefix(glob: string): string {
  const first = glob.search(/[*?[\]{}()!+@\\]/)
  return first === -1 ? glob : glob.slice(0, first)
}
