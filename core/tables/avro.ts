import { createHash } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import avsc from 'avsc'
import { IntegrityError } from '../errors.ts'

/**
 * Avro object container files (Avro 1.12 spec, "Object Container Files"), synchronous and deterministic: equal
 * records give equal bytes, because the sync marker is taken from the content. Records are avsc's work.
 *
 * avsc's own file streams are not used: they are asynchronous, take a random sync marker, and would print the
 * schema without the `field-id` attributes where they are given a built type.
 */
export type AvroJson = string | readonly AvroJson[] | { readonly [key: string]: unknown }

export interface AvroFile {
  /** The header's entries but `avro.codec`, decoded as text. */
  readonly header: Readonly<Record<string, string>>
  /** Fields named by `rename`. */
  readonly records: readonly AvroRecord[]
}

export type AvroRecord = Readonly<Record<string, unknown>>

/** The name that a field with this `field-id` has in {@link AvroRecord}; `undefined` leaves its own. */
export type FieldNames = (fieldId: number) => string | undefined

/** Avro long as `bigint`: ids and sequence numbers have 63 bits. */
const bigintLong = avsc.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.allocUnsafe(8)
    buffer.writeBigInt64LE(value)
    return buffer
  },
  fromJSON: (value: number | string) => BigInt(value),
  toJSON: (value: bigint) => value.toString(),
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
})

/** Building a type compiles code (1 to 2 ms); a process sees few schemas, a hostile one must not fill memory. */
const maxCachedTypes = 200
const types = new Map<string, avsc.Type>()

function typeOf(schema: string, rename: FieldNames, namesKey: string): avsc.Type {
  const key = `${namesKey}\n${schema}`
  const known = types.get(key)
  if (known !== undefined) return known
  const json = renamed(JSON.parse(schema) as AvroJson, rename) as unknown as avsc.Type
  const type = avsc.Type.forSchema(json, { registry: { long: bigintLong }, omitRecordMethods: true })
  if (types.size >= maxCachedTypes) types.clear()
  types.set(key, type)
  return type
}

/**
 * Binary Avro holds no names, so renaming fields by id before decoding resolves a foreign writer's schema for
 * nothing. Logical types are dropped: values stay what the binary form holds.
 */
function renamed(schema: AvroJson, rename: FieldNames): AvroJson {
  if (typeof schema === 'string') return schema
  if (Array.isArray(schema)) return schema.map((branch: AvroJson) => renamed(branch, rename))
  const object = schema as Record<string, unknown>
  const inner = (value: unknown) => renamed(value as AvroJson, rename)
  switch (object.type) {
    case 'record':
      return {
        type: 'record',
        name: object.name,
        namespace: object.namespace,
        fields: (object.fields as Record<string, unknown>[]).map((field) => ({
          name: rename(field['field-id'] as number) ?? field.name,
          type: inner(field.type),
        })),
      }
    case 'array':
      return { type: 'array', items: inner(object.items) }
    case 'map':
      return { type: 'map', values: inner(object.values) }
    case 'fixed':
    case 'enum': {
      const { logicalType: _dropped, ...rest } = object
      return rest as AvroJson
    }
    default:
      return inner(object.type)
  }
}

/** How records are named, with a key under which types built with it are kept. */
export interface Naming {
  readonly key: string
  readonly rename: FieldNames
}

const magic = Buffer.from('Obj\u0001', 'latin1')
/** Uncompressed bytes per block, Avro's own default; a reader holds one block at a time. */
const blockBytes = 64_000

/** `schema` is written into the header as it is, with every attribute. */
export function writeAvro(
  schema: string,
  naming: Naming,
  header: Readonly<Record<string, string>>,
  records: Iterable<AvroRecord>,
): Uint8Array {
  const type = typeOf(schema, naming.rename, naming.key)
  const head = [magic, encodeHeader({ ...header, 'avro.schema': schema, 'avro.codec': 'deflate' })]
  const blocks: Buffer[][] = []
  let pending: Buffer[] = []
  let size = 0
  const flush = () => {
    if (pending.length === 0) return
    const data = deflateRawSync(Buffer.concat(pending))
    blocks.push([encodeLong(pending.length), encodeLong(data.byteLength), data])
    pending = []
    size = 0
  }
  for (const record of records) {
    const encoded = type.toBuffer(record)
    pending.push(encoded)
    size += encoded.byteLength
    if (size >= blockBytes) flush()
  }
  flush()
  const hash = createHash('sha256')
  for (const part of [head, ...blocks].flat()) hash.update(part)
  const sync = hash.digest().subarray(0, 16)
  return Buffer.concat([...head, sync, ...blocks.flatMap((block) => [...block, sync])])
}

/** Throws `IntegrityError` `AVRO_INVALID` where the bytes are not a whole Avro file, or of an unknown codec. */
export function readAvro(bytes: Uint8Array, naming: Naming, what: string): AvroFile {
  try {
    return decodeAvro(bytes, naming)
  } catch (cause) {
    throw new IntegrityError({
      code: 'AVRO_INVALID',
      fact: `${what} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      consequence: 'Nothing of the table was read or changed',
      next: 'Restore the file from a backup or an older object version',
      cause,
    })
  }
}

function decodeAvro(bytes: Uint8Array, naming: Naming): AvroFile {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!buffer.subarray(0, 4).equals(magic)) throw new Error('it does not start like an Avro file')
  const cursor = { buffer, position: 4 }
  const header = decodeHeader(cursor)
  const sync = take(cursor, 16)
  const { 'avro.schema': schema, 'avro.codec': codec = 'null', ...rest } = header
  if (schema === undefined) throw new Error('its header has no schema')
  if (codec !== 'null' && codec !== 'deflate') throw new Error(`the codec '${codec}' is not supported`)
  const type = typeOf(schema, naming.rename, naming.key)
  const records: AvroRecord[] = []
  while (cursor.position < buffer.byteLength) {
    const count = decodeLong(cursor)
    const data = take(cursor, decodeLong(cursor))
    if (!take(cursor, 16).equals(sync)) throw new Error('a block does not end with the sync marker')
    const block = codec === 'deflate' ? inflateRawSync(data) : data
    let offset = 0
    for (let i = 0; i < count; i++) {
      const decoded = type.decode(block, offset)
      if (decoded.offset < 0) throw new Error('a block ends within a record')
      records.push(decoded.value as AvroRecord)
      offset = decoded.offset
    }
    if (offset !== block.byteLength) throw new Error('a block holds more than its records')
  }
  return { header: { ...rest, 'avro.schema': schema }, records }
}

interface Cursor {
  readonly buffer: Buffer
  position: number
}

function take(cursor: Cursor, size: number): Buffer {
  const end = cursor.position + size
  if (size < 0 || end > cursor.buffer.byteLength) throw new Error('it is cut short')
  const part = cursor.buffer.subarray(cursor.position, end)
  cursor.position = end
  return part
}

/** Zigzag varint. Only lengths and counts, so never beyond 2^53. */
function encodeLong(value: number): Buffer {
  const bytes: number[] = []
  let rest = value * 2
  while (rest > 0x7f) {
    bytes.push((rest % 128) | 0x80)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}

function decodeLong(cursor: Cursor): number {
  let value = 0
  for (let factor = 1; factor <= 2 ** 49; factor *= 128) {
    const byte = take(cursor, 1)[0] as number
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
  throw new Error('a length in it is out of range')
}

function encodeText(text: string): Buffer[] {
  const bytes = Buffer.from(text, 'utf8')
  return [encodeLong(bytes.byteLength), bytes]
}

function encodeHeader(header: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(header)
  const body = entries.flatMap(([key, value]) => [...encodeText(key), ...encodeText(value)])
  return Buffer.concat([encodeLong(entries.length), ...body, encodeLong(0)])
}

function decodeHeader(cursor: Cursor): Record<string, string> {
  const header: Record<string, string> = {}
  for (;;) {
    const count = decodeLong(cursor)
    if (count === 0) return header
    // A negative count is followed by the block's size in bytes, which only helps who wants to skip it.
    if (count < 0) decodeLong(cursor)
    for (let i = Math.abs(count); i > 0; i--) {
      const key = take(cursor, decodeLong(cursor)).toString('utf8')
      header[key] = take(cursor, decodeLong(cursor)).toString('utf8')
    }
  }
}
