import avsc from 'avsc'
import { describe, expect, test } from 'vitest'
import { readAvro, writeAvro } from './avro.ts'
import type { DataFile } from './data-file.ts'
import { idAndName, openLake, someFile } from './lake.suite.ts'
import { type ManifestEntry, type ManifestRequest, readManifest, writeManifest } from './manifest.ts'
import { type ManifestFile, readManifestList, writeManifestList } from './manifest-list.ts'
import { manifestEntrySchema } from './manifest-schema.ts'
import { type PartitionSpec, partitionRecord, unpartitioned } from './partition.ts'
import type { Schema } from './types.ts'

const { store } = openLake()
const [a, b, c] = ['a', 'b', 'c'].map((name) => someFile(store, name)) as [DataFile, DataFile, DataFile]
const big = 2n ** 62n + 3n

function request(entries: ManifestEntry[], parts: Partial<ManifestRequest> = {}): ManifestRequest {
  return {
    schema: idAndName,
    schemas: [idAndName],
    spec: unpartitioned,
    content: 'data',
    entries,
    snapshotId: big,
    sequenceNumber: 9n,
    path: 'file:///m0.avro',
    ...parts,
  }
}

const naming = { key: 'own-names', rename: () => undefined }
const raw = (bytes: Uint8Array) => readAvro(bytes, naming, 'm')

describe('manifests', () => {
  const entries: ManifestEntry[] = [
    { status: 'added', snapshotId: big, file: a },
    { status: 'existing', snapshotId: 5n, sequenceNumber: 4n, fileSequenceNumber: 3n, file: b },
    { status: 'deleted', snapshotId: big, sequenceNumber: 2n, fileSequenceNumber: 2n, file: c },
  ]
  const { bytes, manifest } = writeManifest(request(entries))

  test('say in the list what they hold', () => {
    expect(manifest).toEqual({
      path: 'file:///m0.avro',
      length: BigInt(bytes.byteLength),
      partitionSpecId: 0,
      content: 'data',
      sequenceNumber: 9n,
      minSequenceNumber: 4n,
      addedSnapshotId: big,
      addedFiles: 1,
      existingFiles: 1,
      deletedFiles: 1,
      addedRows: 10n,
      existingRows: 10n,
      deletedRows: 10n,
      partitions: [],
    })
    const removals = writeManifest(request(entries.slice(2))).manifest
    expect([removals.minSequenceNumber, removals.deletedFiles]).toEqual([9n, 1])
  })

  test('added files inherit the sequence number, others keep theirs', () => {
    const read = readManifest(bytes, manifest)
    expect(read).toEqual([
      { ...entries[0], sequenceNumber: 9n, fileSequenceNumber: 9n },
      entries[1],
      entries[2],
    ])
    expect(raw(bytes).records[0]).toMatchObject({
      status: 1,
      sequence_number: null,
      file_sequence_number: null,
    })
    expect(raw(bytes).records[1]).toMatchObject({ status: 0, sequence_number: 4n })
  })

  test('carry the header and the field ids of the spec', () => {
    const { header } = raw(bytes)
    expect(header).toMatchObject({
      'schema-id': '0',
      'partition-spec': '[]',
      'partition-spec-id': '0',
      'format-version': '2',
      content: 'data',
    })
    expect(JSON.parse(header.schema as string)).toMatchObject({
      type: 'struct',
      fields: [{ id: 1 }, { id: 2 }],
    })
    const schema = JSON.parse(header['avro.schema'] as string)
    const ids = (fields: { name: string; 'field-id': number }[]) =>
      Object.fromEntries(fields.map((field) => [field.name, field['field-id']]))
    expect(ids(schema.fields)).toEqual({
      status: 0,
      snapshot_id: 1,
      sequence_number: 3,
      file_sequence_number: 4,
      data_file: 2,
    })
    const dataFile = schema.fields[4].type.fields
    expect(ids(dataFile)).toMatchObject({ content: 134, file_path: 100, partition: 102, upper_bounds: 128 })
    expect(JSON.stringify(dataFile)).toContain(
      '{"type":"array","items":{"type":"record","name":"k126_v127","fields":[{"name":"key","type":"int","field-id":126},{"name":"value","type":"bytes","field-id":127}]},"logicalType":"map"}',
    )
  })

  test('keep every field that another writer may have set', () => {
    const full: DataFile = {
      ...a,
      content: 'equality_deletes',
      nanValueCounts: new Map([[1, 0n]]),
      keyMetadata: Buffer.from('k'),
      splitOffsets: [4n, big],
      equalityIds: [1, 2],
      sortOrderId: 3,
      referencedDataFile: 'file:///r',
    }
    const written = writeManifest(
      request([{ status: 'added', snapshotId: 1n, file: full }], { content: 'deletes' }),
    )
    expect(readManifest(written.bytes, written.manifest)[0]?.file).toEqual(full)
  })

  test('of other writers are read by field id, not by name or order', () => {
    const schema = manifestEntrySchema(partitionRecord(unpartitioned, [])) as unknown as {
      fields: { name: string; type: unknown; 'field-id': number }[]
    }
    const dataFile = schema.fields[4]?.type as { fields: { name: string }[] }
    const renamed = {
      ...schema,
      fields: schema.fields
        .map((field) => ({
          ...field,
          name: `x_${field.name}`,
          type:
            field.name === 'data_file' ? { ...dataFile, fields: dataFile.fields.toReversed() } : field.type,
        }))
        .concat([{ name: 'unknown', type: ['null', 'string'], 'field-id': 999 }])
        .toReversed(),
    }
    const values = raw(bytes).records.map((record) => ({
      unknown: 'new',
      ...Object.fromEntries(Object.entries(record).map(([key, value]) => [`x_${key}`, value])),
    }))
    const foreign = writeAvro(JSON.stringify(renamed), naming, {}, values)
    expect(readManifest(foreign, manifest)).toEqual(readManifest(bytes, manifest))
  })

  test('of format version 1 have sequence number 0; of version 2 a missing one is an error', () => {
    const unnumbered = writeManifest(request([{ status: 'existing', snapshotId: 5n, file: a }]))
    const old = { ...unnumbered.manifest, sequenceNumber: 0n }
    expect(readManifest(unnumbered.bytes, old)[0]).toMatchObject({
      sequenceNumber: 0n,
      fileSequenceNumber: 0n,
    })
    expect(() => readManifest(unnumbered.bytes, unnumbered.manifest)).toThrowError(
      expect.objectContaining({ code: 'MANIFEST_INVALID' }),
    )
  })

  test('of one kind are written with one avsc type', () => {
    const forSchema = avsc.Type.forSchema
    let built = 0
    avsc.Type.forSchema = (...args) => {
      built += 1
      return forSchema(...args)
    }
    writeManifest(request(entries))
    avsc.Type.forSchema = forSchema
    expect(built).toBe(0)
  })
})

describe('partitions', () => {
  const schema: Schema = {
    schemaId: 0,
    fields: [
      ...idAndName.fields,
      { id: 3, name: 'at', required: false, type: { kind: 'timestamptz' } },
      { id: 4, name: 'price', required: false, type: { kind: 'decimal', precision: 9, scale: 2 } },
    ],
  }
  const spec: PartitionSpec = {
    'spec-id': 3,
    fields: [
      { 'source-id': 1, 'field-id': 1000, name: 'id_bucket', transform: 'bucket[16]' },
      { 'source-id': 3, 'field-id': 1001, name: 'at-day', transform: 'day' },
      { 'source-id': 4, 'field-id': 1002, name: 'price', transform: 'identity' },
      { 'source-id': 4, 'field-id': 1003, name: '4price', transform: 'truncate[10]' },
      { 'source-id': 2, 'field-id': 1004, name: 'gone', transform: 'void' },
    ],
  }

  test('values of a partitioned table survive a rewrite', () => {
    const partition = new Map<number, unknown>([
      [1000, 7],
      [1001, 19_000],
      [1002, Buffer.from([0, 0, 4, 210])],
      [1003, null],
      [1004, null],
    ])
    const entry: ManifestEntry = { status: 'added', snapshotId: 1n, file: { ...a, partition } }
    const written = writeManifest(request([entry], { schema, schemas: [idAndName, schema], spec }))
    expect(readManifest(written.bytes, written.manifest)[0]?.file.partition).toEqual(partition)
    expect(written.manifest.partitionSpecId).toBe(3)
    const bound = (hex: string) => ({
      lowerBound: Buffer.from(hex, 'hex'),
      upperBound: Buffer.from(hex, 'hex'),
    })
    expect(written.manifest.partitions).toEqual([
      { containsNull: false, ...bound('07000000') },
      { containsNull: false, ...bound('384a0000') },
      { containsNull: false, ...bound('04d2') },
      { containsNull: true },
      { containsNull: true },
    ])
    const { header } = raw(written.bytes)
    expect(JSON.parse(header['partition-spec'] as string)).toEqual(spec.fields)
    const dataFile = JSON.parse(header['avro.schema'] as string).fields[4].type.fields
    expect(dataFile[3].type.fields).toMatchObject([
      { name: 'id_bucket', type: ['null', 'int'], 'field-id': 1000 },
      {
        name: 'at_x2Dday',
        type: ['null', { type: 'int', logicalType: 'date' }],
        'iceberg-field-name': 'at-day',
      },
      {
        name: 'price',
        type: ['null', { type: 'fixed', size: 4, logicalType: 'decimal', precision: 9, scale: 2 }],
      },
      // Not a reference to the type before, which PyIceberg would not follow.
      { name: '_4price', type: ['null', { type: 'fixed', name: 'decimal_9_2_1003', size: 4 }] },
      { name: 'gone', type: ['null', 'string'] },
    ])
  })

  test('values from before a column was widened are written as the wider type', () => {
    const fields = [
      { id: 1, name: 'i', required: false, type: { kind: 'long' } },
      { id: 2, name: 'd', required: false, type: { kind: 'decimal', precision: 20, scale: 2 } },
    ] as const
    const spec = {
      'spec-id': 1,
      fields: [
        { 'source-id': 1, 'field-id': 1000, name: 'i', transform: 'identity' },
        { 'source-id': 2, 'field-id': 1001, name: 'd', transform: 'identity' },
      ],
    }
    const partition = new Map<number, unknown>([
      [1000, -5],
      [1001, Buffer.from('fe7961', 'hex')],
    ])
    const entry: ManifestEntry = { status: 'added', snapshotId: 1n, file: { ...a, partition } }
    const wide = { schemaId: 1, fields }
    const written = writeManifest(request([entry], { schema: wide, schemas: [wide], spec }))
    expect(readManifest(written.bytes, written.manifest)[0]?.file.partition).toEqual(
      new Map<number, unknown>([
        [1000, -5n],
        [1001, Buffer.from('fffffffffffffe7961', 'hex')],
      ]),
    )
  })

  test('of an unknown transform or a lost column are refused', () => {
    const one = (transform: string, source = 1) => ({
      'spec-id': 1,
      fields: [{ 'source-id': source, 'field-id': 1000, name: 'p', transform }],
    })
    for (const bad of [one('zorder'), one('identity', 99)]) {
      expect(() => partitionRecord(bad, [schema])).toThrowError(
        expect.objectContaining({ code: 'TABLE_PARTITION_UNSUPPORTED' }),
      )
    }
  })
})

describe('manifest lists', () => {
  const { manifest } = writeManifest(request([{ status: 'added', snapshotId: 1n, file: a }]))
  const deletes: ManifestFile = {
    ...manifest,
    content: 'deletes',
    addedSnapshotId: big,
    partitions: [
      { containsNull: true, containsNan: false, lowerBound: Buffer.from('a') },
      { containsNull: false },
    ],
    keyMetadata: Buffer.from('k'),
  }

  test('come back whole', () => {
    const bytes = writeManifestList([manifest, deletes], {
      snapshotId: big,
      parentSnapshotId: 4n,
      sequenceNumber: 9n,
    })
    expect(readManifestList(bytes, 'l')).toEqual([manifest, deletes])
    expect(raw(bytes).header).toMatchObject({
      'snapshot-id': String(big),
      'parent-snapshot-id': '4',
      'sequence-number': '9',
      'format-version': '2',
    })
  })

  test('of a first or an empty snapshot', () => {
    const bytes = writeManifestList([], { snapshotId: 1n, parentSnapshotId: undefined, sequenceNumber: 1n })
    expect(readManifestList(bytes, 'l')).toEqual([])
    expect(raw(bytes).header['parent-snapshot-id']).toBe('null')
  })

  test('with the older names of the counts are read by id, without counts refused', () => {
    const bytes = writeManifestList([manifest], { snapshotId: 1n, parentSnapshotId: 1n, sequenceNumber: 1n })
    const { header, records } = raw(bytes)
    const schema = (header['avro.schema'] as string).replace(
      '"added_files_count"',
      '"added_data_files_count"',
    )
    const older = records.map(({ added_files_count: count, ...rest }) => ({
      ...rest,
      added_data_files_count: count,
    }))
    expect(readManifestList(writeAvro(schema, naming, {}, older), 'l')).toEqual([manifest])
    const without = JSON.parse(schema)
    without.fields = without.fields.filter((field: { 'field-id': number }) => field['field-id'] !== 504)
    expect(() => readManifestList(writeAvro(JSON.stringify(without), naming, {}, older), 'l')).toThrowError(
      expect.objectContaining({ code: 'MANIFEST_LIST_INVALID' }),
    )
  })
})
