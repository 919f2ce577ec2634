import { deflateRawSync } from 'node:zlib'
import avsc from 'avsc'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAvro, writeAvro } from './avro.ts'

const schema = JSON.stringify({
  type: 'record',
  name: 'row',
  fields: [
    { name: 'l', type: 'long', 'field-id': 1 },
    { name: 's', type: ['null', 'string'], default: null, 'field-id': 2 },
    { name: 'b', type: { type: 'array', items: 'bytes', 'element-id': 4 }, 'field-id': 3 },
  ],
})
const naming = { key: 'test', rename: () => undefined }
const rows = [
  { l: 2n ** 62n + 1n, s: null, b: [Buffer.from('x')] },
  { l: -5n, s: 'é', b: [] },
]

/** What avsc's own stream decoder makes of the bytes. */
async function decodeWithAvsc(
  bytes: Uint8Array,
): Promise<{ header: Record<string, Buffer>; rows: unknown[] }> {
  const decoder = new avsc.streams.BlockDecoder({
    parseHook: (json) => avsc.Type.forSchema(json, { registry: { long } }),
  })
  const decoded: unknown[] = []
  let header = {}
  decoder.on('metadata', (_type: unknown, _codec: unknown, meta: { meta: Record<string, Buffer> }) => {
    header = meta.meta
  })
  decoder.on('data', (row: object) => decoded.push({ ...row }))
  decoder.end(bytes)
  await new Promise((resolve, reject) => decoder.on('end', resolve).on('error', reject))
  return { header, rows: decoded }
}

const long = avsc.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: () => Buffer.alloc(8),
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: () => 0,
})

describe('container files', () => {
  test('are read by avsc, with the schema in full and the header', async () => {
    const decoded = await decodeWithAvsc(writeAvro(schema, naming, { content: 'data' }, rows))
    expect(decoded.rows).toEqual(rows)
    expect(decoded.header['avro.schema']?.toString()).toBe(schema)
    expect(decoded.header.content?.toString()).toBe('data')
  })

  test('come back, with fields named by their ids', () => {
    const bytes = writeAvro(schema, naming, { content: 'data' }, rows)
    const { header, records } = readAvro(bytes, naming, 'x')
    expect(header).toEqual({ content: 'data', 'avro.schema': schema })
    expect(records.map((record) => ({ ...record }))).toEqual(rows)
    const byId = readAvro(bytes, { key: 'ids', rename: (id) => `f${id}` }, 'x')
    expect({ ...byId.records[1] }).toEqual({ f1: -5n, f2: 'é', f3: [] })
  })

  test('are the same bytes for the same rows', () => {
    expect(writeAvro(schema, naming, {}, rows)).toEqual(writeAvro(schema, naming, {}, rows))
    expect(writeAvro(schema, naming, {}, rows)).not.toEqual(writeAvro(schema, naming, {}, rows.toReversed()))
  })

  test('may be empty, or of many blocks', async () => {
    expect(readAvro(writeAvro(schema, naming, {}, []), naming, 'x').records).toEqual([])
    const many = Array.from({ length: 5_000 }, (_, i) => ({ l: BigInt(i), s: 'x'.repeat(40), b: [] }))
    const bytes = writeAvro(schema, naming, {}, many)
    expect((await decodeWithAvsc(bytes)).rows).toEqual(many)
    expect(readAvro(bytes, naming, 'x').records).toHaveLength(5_000)
  })

  test('keep any long', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (l) => {
        const { records } = readAvro(writeAvro(schema, naming, {}, [{ l, s: null, b: [] }]), naming, 'x')
        expect(records[0]?.l).toBe(l)
      }),
    )
  })

  test('of avsc are read, with a negative count in the header too', async () => {
    const encoder = new avsc.streams.BlockEncoder(avsc.Type.forSchema(JSON.parse(schema)), {
      codec: 'deflate',
    })
    const chunks: Buffer[] = []
    encoder.on('data', (chunk: Buffer) => chunks.push(chunk))
    encoder.end({ l: 7, s: 'a', b: [] })
    await new Promise((resolve) => encoder.on('end', resolve))
    expect(readAvro(Buffer.concat(chunks), naming, 'x').records[0]?.l).toBe(7n)

    const pair = (key: string, value: string) => Buffer.concat([text(key), text(value)])
    const text = (value: string) => Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)])
    const entries = pair('avro.schema', schema)
    const sync = Buffer.alloc(16, 1)
    const data = avsc.Type.forSchema(JSON.parse(schema)).toBuffer({ l: 7, s: 'a', b: [] })
    const head = [Buffer.from('Obj\u0001'), varint(-1), varint(entries.byteLength), entries, varint(0), sync]
    const file = Buffer.concat([...head, varint(1), varint(data.byteLength), data, sync])
    expect(readAvro(file, naming, 'x').records[0]?.l).toBe(7n)
  })
})

function varint(value: number): Buffer {
  return avsc.Type.forSchema('long').toBuffer(value)
}

describe('damage', () => {
  const bytes = writeAvro(schema, naming, {}, rows)
  const invalid = expect.objectContaining({ code: 'AVRO_INVALID' })

  test('any cut is noticed', () => {
    for (let end = 0; end < bytes.byteLength; end++) {
      const part = bytes.subarray(0, end)
      const headerEnd = bytes.byteLength - blockSize(bytes)
      if (end === headerEnd) expect(readAvro(part, naming, 'x').records).toEqual([])
      else expect(() => readAvro(part, naming, 'x')).toThrowError(invalid)
    }
  })

  test('an unknown codec, a wrong marker, surplus bytes in a block are refused', () => {
    const text = Buffer.from(bytes).toString('latin1')
    const lz4 = Buffer.from(text.replace('deflate', 'deflatx'), 'latin1')
    expect(() => readAvro(lz4, naming, 'x')).toThrowError(/codec 'deflatx' is not supported/)
    const marked = Buffer.from(bytes)
    marked[marked.byteLength - 1] = (marked[marked.byteLength - 1] as number) ^ 1
    expect(() => readAvro(marked, naming, 'x')).toThrowError(invalid)
    const sync = bytes.subarray(bytes.byteLength - 16)
    const data = deflateRawSync(Buffer.from([2, 0, 0, 9]))
    const block = Buffer.concat([varint(1), varint(data.byteLength), data, sync])
    const surplus = Buffer.concat([bytes.subarray(0, bytes.byteLength - blockSize(bytes)), block])
    expect(() => readAvro(surplus, naming, 'x')).toThrowError(/more than its records/)
  })
})

function blockSize(bytes: Uint8Array): number {
  const marker = Buffer.from(bytes.subarray(bytes.byteLength - 16))
  return bytes.byteLength - (Buffer.from(bytes).indexOf(marker) + 16)
}
