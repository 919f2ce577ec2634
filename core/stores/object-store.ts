/**
 * A place for bytes under keys: an S3 prefix on AWS, a directory on a laptop.
 *
 * Keys are `/`-separated, relative, in NFC, without empty, `.` or `..` segments (all of it: `validateKey`);
 * anything else is a `TerminalError` (`OBJECT_KEY_INVALID`), so that no key escapes the store's root.
 * A successful write is durable and atomic: a reader sees the old object or the new one, whole.
 * A deletion is atomic but may come back after a power cut: delete only what nothing refers to.
 * Every adapter passes `object-store.suite.ts`.
 */
export interface ObjectStore extends ObjectReader {
  /** `condition` failing throws `ConditionFailedError` `OBJECT_CONDITION_FAILED`. */
  put(key: string, body: Uint8Array | string, condition?: PutCondition): Promise<ObjectInfo>

  /**
   * Takes a local file over. Afterwards the local file may be gone; when it throws, it is still there.
   * Same guarantees and conditions as `put`.
   */
  upload(key: string, localPath: string, condition?: PutCondition): Promise<ObjectInfo>

  /** Deletes what is there; keys that are not there are no error. */
  delete(keys: readonly string[]): Promise<void>
}

/** What of an {@link ObjectStore} only reads. */
export interface ObjectReader {
  /** `file:///…/lake` or `s3://bucket/prefix`, without a trailing slash. `${uri}/${key}` is what table metadata names. */
  readonly uri: string

  /** Throws `SourceError` `OBJECT_NOT_FOUND` where there is none. */
  get(key: string): Promise<StoredObject>

  /**
   * Bytes `start` to `end` (not included) of exactly the pinned version, fewer where the object ends before.
   * Throws `SourceError` `OBJECT_CHANGED` when the object is another one by now.
   */
  read(pin: ObjectPin, start: number, end: number): Promise<Uint8Array>

  /** `undefined` where there is none. */
  head(key: string): Promise<ObjectInfo | undefined>

  /** In code-point order of the keys. `prefix` is a plain string prefix, `''` for all. No snapshot: concurrent changes may or may not show. */
  list(prefix: string): AsyncIterable<ObjectInfo>

  /**
   * A local path that holds exactly the pinned version's bytes, inside `directory` (a link where that is
   * possible, else a copy). Throws `SourceError` `OBJECT_CHANGED` when the object is another one by now,
   * `OBJECT_NOT_FOUND` when it is gone. Each call makes a file of its own, whose name ends with the key's base
   * name. It is only to be read: a link is the object itself.
   */
  download(pin: ObjectPin, directory: string): Promise<string>
}

/** Names one version of one object. */
export interface ObjectPin {
  readonly key: string
  /** Bytes. */
  readonly size: number
  /** Opaque; differs whenever the bytes may differ. */
  readonly etag: string
}

export interface ObjectInfo extends ObjectPin {
  /** ISO 8601, UTC. */
  readonly last_modified: string
}

export interface StoredObject {
  readonly info: ObjectInfo
  readonly body: Uint8Array
}

/** `absent`: only if there is no object yet. `{ etag }`: only over exactly this version. */
export type PutCondition = 'absent' | { readonly etag: string }
