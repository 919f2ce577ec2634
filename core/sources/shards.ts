import { SourceError } from '../errors.ts'
import type { Dataflow, FileSource } from '../manifest/types.ts'
import type { ReadPorts } from '../ports.ts'
import type { ExtractRecord, Shard } from '../runs/extract-record.ts'
import type { LineageRecord } from '../runs/lineage-record.ts'
import type { ObjectPin } from '../stores/object-store.ts'
import { compressionOf } from './compression.ts'

/** How much one call of gate 3 reads, in bytes as objects lie in the store. */
export interface ShardLimit {
  /** Neighbours share a shard up to so many. */
  readonly target: number
  /** What lies between `target` and this gets a shard of its own; what is larger is refused. */
  readonly most: number
  /** Who says so, for people. */
  readonly because: string
}

/** Iterations that one Map may have: `$range` makes no longer list, and an execution's history has its end, too. */
export const maxShards = 1000

/**
 * The limit of a dataflow, or none. `source.max_shard_bytes` is taken at its word. The environment's is about plain
 * text: of a kind that needs more of the disk for the same bytes less is packed together, but an object is only
 * refused where it cannot fit whatever is in it.
 */
export function shardLimit(
  dataflow: Dataflow,
  pins: readonly ObjectPin[],
  ports: Pick<ReadPorts, 'shardBytes'>,
): ShardLimit | undefined {
  const { source } = dataflow
  if (source === undefined) return undefined
  const asked = source.max_shard_bytes
  if (asked !== undefined) return { target: asked, most: asked, because: `source.max_shard_bytes: ${asked}` }
  const { shardBytes } = ports
  if (shardBytes === undefined) return undefined
  return {
    target: Math.floor(shardBytes / diskWeight(source, pins)),
    most: shardBytes,
    because: `the environment's limit of ${shardBytes} bytes`,
  }
}

/**
 * Disk for a byte of input and what is made of it, against plain text, of which a quarter comes out again. Parquet
 * comes out as large as it went in; gzip lies beside what it holds, five to seven times its size (taken as 7).
 */
function diskWeight(source: FileSource, pins: readonly ObjectPin[]): number {
  if (source.format === 'parquet') return 1.6
  return pins.some(({ key }) => compressionOf(source, key) === 'gzip') ? 8 : 1
}

/**
 * Packs the pins into shards: neighbours in key order, as many as the limit lets in. The same pins and limit make
 * the same shards, and any two neighbouring shards together exceed the target, so there are at most twice as many as
 * there must be. Empty where one call can read everything.
 *
 * An object that is larger than the limit by itself is cut into ranges of its bytes, where each line can be told from
 * its bytes alone.
 *
 * Throws `SourceError`: `SOURCE_OBJECT_TOO_LARGE` for an object that no call can read and that cannot be cut, `SOURCE_TOO_MANY_SHARDS` beyond
 * {@link maxShards}.
 */
export function planShards(
  dataflow: Dataflow,
  pins: readonly ObjectPin[],
  limit: ShardLimit | undefined,
): readonly Shard[] {
  if (limit === undefined) return []
  const shards: Shard[] = []
  for (const [position, { key, size }] of pins.entries()) {
    if (size > limit.most) {
      const obstacle = obstacleToCutting(dataflow.source as FileSource, key)
      if (obstacle !== undefined) throw tooLarge(dataflow, key, size, limit, obstacle)
      shards.push(...rangesOf(position, size, limit.target))
      continue
    }
    const last = shards.at(-1)
    if (last === undefined || last.range !== undefined || last.bytes + size > limit.target) {
      shards.push({ first: position, count: 1, bytes: size })
    } else {
      shards[shards.length - 1] = { ...last, count: last.count + 1, bytes: last.bytes + size }
    }
  }
  if (shards.length > maxShards) throw tooMany(dataflow, shards.length, limit)
  return shards.length > 1 ? shards : []
}

function rangesOf(first: number, size: number, target: number): Shard[] {
  const step = Math.max(target, 1)
  return Array.from({ length: Math.ceil(size / step) }, (_, i) => {
    const range = { start: i * step, end: Math.min((i + 1) * step, size) }
    return { first, count: 1, bytes: range.end - range.start, range }
  })
}

/** Why an object cannot be cut between its lines; `undefined` where it can. */
function obstacleToCutting(source: FileSource, key: string): string | undefined {
  if (compressionOf(source, key) === 'gzip') return 'gzip can only be read from its beginning'
  if (source.format === 'json') return 'the objects of a JSON array are not told apart by lines'
  if (source.format === 'parquet') return 'Parquet is read object by object'
  if (source.format === 'csv' && source.csv?.quote !== '') {
    return 'a line end inside of quotes is none, and whether it is inside only the lines before tell'
  }
  return undefined
}

/** What extract and lineage say of one shard: the same records, with its pins and inputs alone. */
export function onlyShard<L extends Pick<LineageRecord, 'inputs'>>(
  extract: ExtractRecord,
  lineage: L,
  shard: Shard,
): { readonly extract: ExtractRecord; readonly lineage: L } {
  const part = pinsOf(extract, shard)
  const keys = new Set(part.source.kind === 'files' ? part.source.pins.map((pin) => pin.key) : [])
  return {
    extract: part,
    lineage: { ...lineage, inputs: lineage.inputs.filter(({ source }) => keys.has(source)) },
  }
}

/** The record with the shard's pins alone, or its part of one. */
export function pinsOf(extract: ExtractRecord, { first, count, range }: Shard): ExtractRecord {
  const { source } = extract
  if (source.kind !== 'files') return extract
  const pins = source.pins.slice(first, first + count)
  const parts = range === undefined ? pins : pins.map((pin) => ({ ...pin, range }))
  return { ...extract, source: { ...source, pins: parts } }
}

function tooLarge(
  { name, source }: Dataflow,
  key: string,
  size: number,
  { most, because }: ShardLimit,
  obstacle: string,
): SourceError {
  const quotes = source?.format === 'csv' ? "; where no field has quotes, say csv: { quote: '' }" : ''
  return new SourceError({
    code: 'SOURCE_OBJECT_TOO_LARGE',
    fact: `${key}, which ${name} reads, has ${size} bytes, more than one call may read (${because}), and it cannot be cut: ${obstacle}`,
    consequence: 'Nothing was read or written',
    next: `Deliver it in several objects, or set source.max_shard_bytes to what the disk can hold of it${quotes}`,
    details: { key, size, most },
  })
}

function tooMany({ name }: Dataflow, count: number, { because }: ShardLimit): SourceError {
  return new SourceError({
    code: 'SOURCE_TOO_MANY_SHARDS',
    fact: `what ${name} is to read makes ${count} shards (${because}), and one run takes ${maxShards}`,
    consequence: 'Nothing was read or written',
    next: 'Raise source.max_shard_bytes, or narrow source.path and load the rest under other dataflows',
    details: { shards: count },
  })
}
