import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { IntegrityError } from '../errors.ts'
import { canonicalJson, sha256 } from '../json.ts'
import { counted } from '../words.ts'
import type { ObjectReader, ObjectStore, PutCondition } from './object-store.ts'

/** Names an object by its content: what state, records and evidence carry instead of the bytes. */
export interface ObjectRef {
  readonly key: string
  /** Bytes. */
  readonly size: number
  /** Lower-case hexadecimal. */
  readonly sha256: string
}

/** Reads the object and proves that it is the one that was written; else `IntegrityError` `OBJECT_DIGEST_MISMATCH`. */
export async function readRef(store: ObjectReader, ref: ObjectRef): Promise<Uint8Array> {
  const { body } = await store.get(ref.key)
  const actual = sha256(body)
  if (actual !== ref.sha256 || body.byteLength !== ref.size) {
    throw new IntegrityError({
      code: 'OBJECT_DIGEST_MISMATCH',
      fact: `${store.uri}/${ref.key} has ${counted(body.byteLength, 'byte')} with SHA-256 ${actual}, but ${counted(ref.size, 'byte')} with ${ref.sha256} were written`,
      consequence: 'It was changed after it was written, so nothing that rests on it was used',
      next: 'Restore the object from a backup or an older version, or run again without it',
      details: { key: ref.key },
    })
  }
  return body
}

export async function readJsonRef<T>(store: ObjectReader, ref: ObjectRef): Promise<T> {
  return JSON.parse(Buffer.from(await readRef(store, ref)).toString('utf8')) as T
}

/** Writes canonical JSON with a final newline. */
export async function writeJson(
  store: ObjectStore,
  key: string,
  value: unknown,
  condition?: PutCondition,
): Promise<ObjectRef> {
  return await writeText(store, key, `${canonicalJson(value)}\n`, condition)
}

export async function writeText(
  store: ObjectStore,
  key: string,
  text: string,
  condition?: PutCondition,
): Promise<ObjectRef> {
  const body = Buffer.from(text, 'utf8')
  await store.put(key, body, condition)
  return { key, size: body.byteLength, sha256: sha256(body) }
}

/**
 * Uploads a local file and names it by its content. An object that an interrupted try of the same work left
 * under the key is replaced: nothing refers to it yet.
 */
export async function uploadFile(
  store: ObjectStore,
  key: string,
  localPath: string,
): Promise<{ object: ObjectRef; etag: string }> {
  const digest = await sha256File(localPath)
  const { size, etag } = await store.upload(key, localPath)
  return { object: { key, size, sha256: digest }, etag }
}

/** Bytes up to which a file is read at once: a stream costs 0.3 ms, as much as hashing so many. */
const readAtOnce = 256 * 1024

export async function sha256File(path: string): Promise<string> {
  if (statSync(path).size <= readAtOnce) return sha256(readFileSync(path))
  const hash = createHash('sha256')
  // 1 MiB chunks: with the default of 64 KiB the event loop costs more than the hash.
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}
