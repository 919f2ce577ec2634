import { reasonCodes } from '../contract/rule-names.ts'
import type { RejectedObject } from '../contract/scan.ts'
import type { PiiPolicy } from '../contract/types.ts'
import { ConditionFailedError } from '../errors.ts'
import { digestOf, sha256 } from '../json.ts'
import type { Ports } from '../ports.ts'
import { type ObjectRef, readJsonRef, writeJson } from '../stores/object-ref.ts'
import type { ObjectReader } from '../stores/object-store.ts'
import type { QuarantineFile, ReasonCount } from './contract-record.ts'
import type { SeenFile } from './seen-files.ts'

/** What one attempt of a dataflow has set aside, and until when it is kept. No value of a row is in it. */
export interface QuarantineIndex {
  readonly schema: 'sluice.quarantine_index.v1'
  readonly project: string
  readonly run_id: string
  readonly dataflow: string
  readonly attempt: number
  readonly round: number
  /** ISO 8601, UTC. */
  readonly created_at: string
  /** From then on acknowledged rows may be removed. */
  readonly expires_at: string
  readonly contract_sha256: string
  readonly pii_policy: PiiPolicy
  /** Columns of the source that no raw row has, whatever the policy: transformers hide them, or they are not loaded. */
  readonly hidden_columns: readonly string[]
  readonly rows: number
  /** Of all files. */
  readonly bytes: number
  /** A row counts once for each of its reasons. The most frequent first. */
  readonly reasons: readonly IndexedReason[]
  /** In the order of the shards. */
  readonly files: readonly IndexedFile[]
  /** Of earlier indexes: where rows may be that are seen again (seen-files.ts). Absent where there are none. */
  readonly earlier?: readonly SeenFile[]
  /** SHA-256 of all the rest, as canonical JSON. */
  readonly fingerprint: string
}

export interface IndexedReason {
  readonly code: string
  readonly column: string | null
  /** Of a rule over the row. */
  readonly name?: string
  readonly count: number
}

export interface IndexedFile extends ObjectRef {
  readonly rows: number
  readonly objects?: readonly RejectedObject[]
}

/** Where nobody says how long rows are kept. */
export const defaultRetentionDays = 30

export type QuarantineFacts = Omit<
  QuarantineIndex,
  'schema' | 'created_at' | 'expires_at' | 'rows' | 'bytes' | 'reasons' | 'files' | 'fingerprint'
> & {
  readonly by_reason: readonly ReasonCount[]
  readonly retention_days: number
  readonly files: readonly QuarantineFile[]
}

/**
 * Writes the index under the first free one of the keys `<name>.json`, `<name>-1.json`, … A call that is repeated after
 * its first one was given up has files of its own, and so an index of its own; where it has the same files (of shards) it
 * finds the index that is there.
 */
export async function writeQuarantineIndex(
  ports: Pick<Ports, 'evidence' | 'clock'>,
  name: string,
  facts: QuarantineFacts,
): Promise<{ readonly index: ObjectRef; readonly bytes: number }> {
  const { by_reason, retention_days, files: stored, ...rest } = facts
  const now = ports.clock()
  const files = stored.map(({ object, supersedes: _known, ...file }): IndexedFile => ({ ...object, ...file }))
  const content: Omit<QuarantineIndex, 'fingerprint'> = {
    schema: 'sluice.quarantine_index.v1',
    ...rest,
    created_at: now.toISOString(),
    expires_at: new Date(now.getTime() + retention_days * 86_400_000).toISOString(),
    rows: sum(files.map(({ rows }) => rows)),
    bytes: sum(files.map(({ size }) => size)),
    reasons: by_reason.map(({ rule, ...reason }) => ({ code: reasonCodes[rule], ...reason })),
    files,
  }
  const index: QuarantineIndex = { ...content, fingerprint: digestOf(content) }
  for (let repetition = 0; ; repetition++) {
    const key = repetition === 0 ? `${name}.json` : `${name}-${repetition}.json`
    try {
      return { index: await writeJson(ports.evidence, key, index, 'absent'), bytes: index.bytes }
    } catch (error) {
      if (!(error instanceof ConditionFailedError)) throw error
      const known = await findIndex(ports.evidence, key, files)
      if (known !== undefined) return { index: known, bytes: index.bytes }
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

async function findIndex(
  store: ObjectReader,
  key: string,
  files: readonly IndexedFile[],
): Promise<ObjectRef | undefined> {
  const { body } = await store.get(key)
  const ref = { key, size: body.byteLength, sha256: sha256(body) }
  const there = await readJsonRef<QuarantineIndex>(store, ref)
  return digestOf(there.files) === digestOf(files) ? ref : undefined
}

/** Throws `IntegrityError` `OBJECT_DIGEST_MISMATCH` where the index was changed. */
export async function readQuarantineIndex(store: ObjectReader, ref: ObjectRef): Promise<QuarantineIndex> {
  return await readJsonRef<QuarantineIndex>(store, ref)
}

/** `undefined` for what is no index as it was written; by its own digest, where nobody has recorded another. */
export function parseQuarantineIndex(body: Uint8Array): QuarantineIndex | undefined {
  try {
    const index = JSON.parse(Buffer.from(body).toString('utf8')) as QuarantineIndex
    const { fingerprint, ...content } = index
    return fingerprint === digestOf(content) ? index : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** The files of rejected rows that a reference stands for: an index, or one file as earlier versions had it. */
export async function quarantineFiles(store: ObjectReader, ref: ObjectRef): Promise<readonly ObjectRef[]> {
  return ref.key.endsWith('.parquet') ? [ref] : (await readQuarantineIndex(store, ref)).files
}
