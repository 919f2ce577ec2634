import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { idAndName } from './lake.suite.ts'
import {
  addSchema,
  addSnapshot,
  createTableMetadata,
  currentSchema,
  currentSnapshot,
  logPrevious,
  metadataFileName,
  metadataVersion,
  parseTableMetadata,
  printTableMetadata,
  type Snapshot,
  type TableMetadata,
} from './metadata.ts'
import type { Schema } from './types.ts'

const created = createTableMetadata({
  uuid: 'u',
  location: 'file:///lake/bronze/flights',
  schema: { ...idAndName, schemaId: 5 },
  timestampMs: 1000,
  properties: { owner: 'me' },
})
const parse = (text: string) => parseTableMetadata(Buffer.from(text), 'file:///m')
const wider: Schema = {
  ...idAndName,
  fields: [...idAndName.fields, { id: 7, name: 'x', required: false, type: { kind: 'int' } }],
}
const snapshot = (id: bigint, sequence: bigint): Snapshot => ({
  'snapshot-id': id,
  'sequence-number': sequence,
  'timestamp-ms': 2000,
  'manifest-list': 'file:///l',
  summary: { operation: 'append' },
})

describe('a new table', () => {
  test('has everything that format version 2 requires', () => {
    expect(JSON.parse(printTableMetadata(created))).toEqual({
      'format-version': 2,
      'table-uuid': 'u',
      location: 'file:///lake/bronze/flights',
      'last-sequence-number': 0,
      'last-updated-ms': 1000,
      'last-column-id': 2,
      schemas: [
        {
          type: 'struct',
          'schema-id': 0,
          fields: [
            { id: 1, name: 'id', required: false, type: 'long' },
            { id: 2, name: 'name', required: false, type: 'string' },
          ],
        },
      ],
      'current-schema-id': 0,
      'partition-specs': [{ 'spec-id': 0, fields: [] }],
      'default-spec-id': 0,
      'last-partition-id': 999,
      properties: { owner: 'me' },
      snapshots: [],
      'snapshot-log': [],
      'metadata-log': [],
      'sort-orders': [{ 'order-id': 0, fields: [] }],
      'default-sort-order-id': 0,
      refs: {},
    })
    expect(currentSnapshot(created)).toBeUndefined()
    expect(parse(printTableMetadata(created))).toEqual(created)
  })
})

describe('schemas', () => {
  test('a new one gets the next id, a known one keeps its own', () => {
    const second = addSchema(created, { ...wider, schemaId: 99 })
    expect([second['current-schema-id'], second['last-column-id'], second.schemas.length]).toEqual([1, 7, 2])
    expect(currentSchema(second)).toEqual({ ...wider, schemaId: 1 })
    const back = addSchema(second, idAndName)
    expect([back['current-schema-id'], back['last-column-id'], back.schemas.length]).toEqual([0, 7, 2])
  })
})

describe('snapshots and logs', () => {
  test('a snapshot becomes the head of main and keeps what the branch had', () => {
    const kept = { ...created, refs: { main: { 'snapshot-id': 1n, type: 'branch', 'max-ref-age-ms': 5 } } }
    const next = addSnapshot(addSnapshot(kept as TableMetadata, snapshot(1n, 1n)), snapshot(2n, 2n))
    expect(next.refs).toEqual({ main: { 'snapshot-id': 2n, type: 'branch', 'max-ref-age-ms': 5 } })
    expect(next['last-sequence-number']).toBe(2n)
    expect(next['snapshot-log']?.map((entry) => entry['snapshot-id'])).toEqual([1n, 2n])
    expect(currentSnapshot(next)).toEqual(snapshot(2n, 2n))
  })

  test('the log of metadata files is bounded', () => {
    let metadata = created
    for (let i = 0; i < 5; i++) metadata = logPrevious(metadata, { location: `m${i}`, metadata: created }, 3)
    expect(metadata['metadata-log']).toEqual(
      ['m2', 'm3', 'm4'].map((file) => ({ 'timestamp-ms': 1000, 'metadata-file': file })),
    )
  })

  test('file names carry the version', () => {
    expect(metadataFileName(3, 'abc')).toBe('00003-abc.metadata.json')
    expect(metadataVersion('s3://b/t/metadata/00012-2c1f-11.metadata.json')).toBe(12)
    expect(metadataVersion('s3://b/t/metadata/100000-x.gz.metadata.json')).toBe(100000)
    expect(metadataVersion('s3://b/t/metadata/v7.metadata.json')).toBe(7)
    expect(metadataVersion('s3://b/12-x/metadata/rand.metadata.json')).toBe(-1)
  })
})

describe('metadata of other writers', () => {
  const id = 7588721733425183431n
  const spark = printTableMetadata({
    ...addSnapshot(created, { ...snapshot(id, 1n), 'parent-snapshot-id': id - 1n }),
    statistics: [{ 'snapshot-id': id, 'statistics-path': 's3://b/x.puffin', 'blob-metadata': [] }],
    'next-row-id': 5,
    refs: {
      main: { 'snapshot-id': id, type: 'branch' },
      audit: { 'snapshot-id': id, type: 'tag', 'max-ref-age-ms': 9 },
    },
  } as TableMetadata)

  test('63-bit ids and unknown fields survive a rewrite', () => {
    const read = parse(spark)
    expect(currentSnapshot(read)?.['snapshot-id']).toBe(id)
    expect(currentSnapshot(read)?.['parent-snapshot-id']).toBe(id - 1n)
    const next = addSnapshot(addSchema(read, wider), snapshot(12n, 2n))
    const text = printTableMetadata(next)
    expect(text).toContain(
      `"statistics":[{"snapshot-id":${id},"statistics-path":"s3://b/x.puffin","blob-metadata":[]}]`,
    )
    expect(text).toContain(`"audit":{"snapshot-id":${id},"type":"tag","max-ref-age-ms":9}`)
    expect(text).toContain('"next-row-id":5')
    expect(printTableMetadata(parse(text))).toBe(text)
  })

  test('ids are bigint whatever their size; -1 and null mean none', () => {
    const small = parse(printTableMetadata(addSnapshot(created, snapshot(3n, 1n))))
    expect(currentSnapshot(small)).toEqual(snapshot(3n, 1n))
    for (const none of ['-1', 'null']) {
      const text = printTableMetadata(created).replace('{', `{"current-snapshot-id":${none},`)
      expect(currentSnapshot(parse(text))).toBeUndefined()
      expect(printTableMetadata(parse(text))).not.toContain('current-snapshot-id')
    }
  })

  test('may be gzipped', () => {
    expect(parseTableMetadata(gzipSync(spark), 'x')).toEqual(parse(spark))
  })

  test.each([
    ['format version 1', { 'format-version': 1 }, 'TABLE_FORMAT_UNSUPPORTED'],
    ['format version 3', { 'format-version': 3 }, 'TABLE_FORMAT_UNSUPPORTED'],
    ['no schemas', { schemas: undefined }, 'TABLE_METADATA_INVALID'],
    ['a last column id of text', { 'last-column-id': '2' }, 'TABLE_METADATA_INVALID'],
  ])('with %s are refused', (_what, change, code) => {
    const text = JSON.stringify({ ...JSON.parse(printTableMetadata(created)), ...change })
    expect(() => parse(text)).toThrowError(expect.objectContaining({ code }))
  })

  test('that are no JSON, or name what they do not have, are refused', () => {
    const invalid = expect.objectContaining({ code: 'TABLE_METADATA_INVALID' })
    expect(() => parse('{')).toThrowError(invalid)
    expect(() => parse('7')).toThrowError(invalid)
    expect(() => currentSchema({ ...created, 'current-schema-id': 4 })).toThrowError(invalid)
    expect(() => currentSnapshot({ ...created, 'current-snapshot-id': 4n })).toThrowError(invalid)
  })
})
