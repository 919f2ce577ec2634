import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConditionFailedError } from '../errors.ts'
import { sha256 } from '../json.ts'
import type { ObjectStore } from '../stores/object-store.ts'
import { uuidFrom } from './attempt.ts'
import { evolveSchema } from './evolution.ts'
import { commit, idAndName, openLake, requestFor, someFile } from './lake.suite.ts'
import { writeManifest } from './manifest.ts'
import { writeManifestList } from './manifest-list.ts'
import {
  currentSchema,
  currentSnapshot,
  parseTableMetadata,
  printTableMetadata,
  snapshotById,
  type TableMetadata,
} from './metadata.ts'
import { unpartitioned } from './partition.ts'
import { type LoadedTable, listDataFiles, loadTable, readEntries, readManifests } from './scan.ts'
import { prepareSnapshot } from './snapshot.ts'
import { nextSequenceNumber } from './snapshot-manifests.ts'

const lake = () => openLake().store
const names = async (store: ObjectStore, metadata: TableMetadata, id?: bigint) =>
  (await listDataFiles(store, metadata, id))
    .map((file) => file.key.replace(/.*\/(.*)\.parquet/, '$1'))
    .toSorted()
const manifestsOf = (store: ObjectStore, { metadata }: LoadedTable) =>
  readManifests(store, currentSnapshot(metadata) ?? expect.unreachable())
const longer = evolveSchema(idAndName, 2, [{ kind: 'add_column', name: 'x', type: { kind: 'int' } }]).schema

describe('create, append, append, overwrite', () => {
  const store = lake()
  const history = (async () => {
    const first = await commit(store, 'r1', { added: [someFile(store, 'a'), someFile(store, 'b', 20)] })
    const second = await commit(store, 'r2', { base: first.base, added: [someFile(store, 'c', 5)] })
    const third = await commit(store, 'r3', {
      base: second.base,
      operation: 'overwrite',
      added: [someFile(store, 'd')],
    })
    return { first, second, third }
  })()

  test('every snapshot keeps its own files', async () => {
    const { first, second, third } = await history
    const ids = [first, second, third].map(({ prepared }) => prepared.snapshotId as bigint)
    expect(await names(store, third.base.metadata)).toEqual(['d'])
    expect(await Promise.all(ids.map((id) => names(store, third.base.metadata, id)))).toEqual([
      ['a', 'b'],
      ['a', 'b', 'c'],
      ['d'],
    ])
    const live = await listDataFiles(store, second.base.metadata)
    expect(
      Object.fromEntries(live.map((f) => [f.key.slice(-9, -8), [f.snapshotId, f.sequenceNumber]])),
    ).toEqual({
      a: [ids[0], 1n],
      b: [ids[0], 1n],
      c: [ids[1], 2n],
    })
  })

  test('summaries count what came, what went and what is there', async () => {
    const { third } = await history
    const [one, two, three] = (third.base.metadata.snapshots ?? []).map((snapshot) => snapshot.summary)
    expect(one).toEqual({
      operation: 'append',
      'sluice.run-id': 'r1',
      'added-data-files': '2',
      'added-records': '30',
      'added-files-size': '3000',
      'changed-partition-count': '1',
      'total-records': '30',
      'total-files-size': '3000',
      'total-data-files': '2',
      'total-delete-files': '0',
      'total-position-deletes': '0',
      'total-equality-deletes': '0',
    })
    expect(two).toMatchObject({ 'added-records': '5', 'total-records': '35', 'total-data-files': '3' })
    expect(three).toMatchObject({
      operation: 'overwrite',
      'added-data-files': '1',
      'deleted-data-files': '3',
      'deleted-records': '35',
      'removed-files-size': '3500',
      'total-records': '10',
      'total-data-files': '1',
      'total-files-size': '1000',
    })
  })

  test('the metadata chains versions, snapshots and logs', async () => {
    const { first, second, third } = await history
    const { metadata, location } = third.base
    expect(location).toMatch(/\/bronze\/flights\/metadata\/00002-[0-9a-f-]{36}\.metadata\.json$/)
    expect(metadata['metadata-log']?.map((entry) => entry['metadata-file'])).toEqual([
      first.base.location,
      second.base.location,
    ])
    expect(metadata.snapshots?.map((s) => [s['sequence-number'], s['parent-snapshot-id']])).toEqual([
      [1n, undefined],
      [2n, first.prepared.snapshotId],
      [3n, second.prepared.snapshotId],
    ])
    expect(metadata['table-uuid']).toBe(first.base.metadata['table-uuid'])
    expect(metadata['last-sequence-number']).toBe(3n)
    expect(metadata.refs?.main?.['snapshot-id']).toBe(third.prepared.snapshotId)
  })

  test('overwritten files are entries with their own numbers, dropped by the next commit', async () => {
    const { first, second, third } = await history
    const [added, deleted] = await manifestsOf(store, third.base)
    expect([added?.addedFiles, deleted?.deletedFiles, deleted?.addedSnapshotId]).toEqual([
      1,
      3,
      third.prepared.snapshotId,
    ])
    const entries = await readEntries(store, deleted ?? expect.unreachable())
    expect(entries.map((entry) => [entry.status, entry.snapshotId, entry.sequenceNumber])).toEqual(
      [second, first, first].map(({ base }) => [
        'deleted',
        third.prepared.snapshotId,
        base.metadata['last-sequence-number'],
      ]),
    )
    const fourth = await commit(store, 'r4', { base: third.base, added: [someFile(store, 'e')] })
    expect((await manifestsOf(store, fourth.base)).map((manifest) => manifest.deletedFiles)).toEqual([0, 0])
  })

  test('references say key, size and digest of every file written', async () => {
    const { third } = await history
    expect(
      third.prepared.written.map((ref) => ref.key.replace(/.*\//, '').replace(uuidFrom('r3'), 'U')),
    ).toEqual([
      'U-m0.avro',
      'U-m1.avro',
      `snap-${third.prepared.snapshotId}-1-U.avro`,
      '00002-U.metadata.json',
    ])
    for (const ref of third.prepared.written) {
      const { body } = await store.get(ref.key)
      expect(ref).toEqual({ key: ref.key, size: body.byteLength, sha256: sha256(body) })
    }
    expect(third.prepared.metadata).toEqual(third.base.metadata)
  })
})

describe('nothing to add', () => {
  test('an append creates the table, without a snapshot', async () => {
    const store = lake()
    const { prepared, base } = await commit(store, 'r1', { properties: { owner: 'me' } })
    expect([prepared.snapshotId, prepared.written.length, base.metadata.snapshots]).toEqual([
      undefined,
      1,
      [],
    ])
    expect(base.metadata.properties).toEqual({ owner: 'me' })
    expect(await listDataFiles(store, base.metadata)).toEqual([])
  })

  test('an append that changes nothing writes nothing; a schema or a property is written', async () => {
    const store = lake()
    const { base } = await commit(store, 'r1', { added: [someFile(store, 'a')], properties: { owner: 'me' } })
    const same = await prepareSnapshot(requestFor(store, 'r2', { base, properties: { owner: 'me' } }))
    expect(same).toEqual({ ...base, written: [], snapshotId: undefined })
    const changed = await commit(store, 'r3', { base, schema: longer })
    expect([changed.prepared.written.length, changed.prepared.snapshotId]).toEqual([1, undefined])
    expect(currentSchema(changed.base.metadata).fields).toHaveLength(3)
    expect(currentSnapshot(changed.base.metadata)).toEqual(currentSnapshot(base.metadata))
    const tagged = await commit(store, 'r4', { base, properties: { team: 'x' } })
    expect(tagged.base.metadata.properties).toEqual({ owner: 'me', team: 'x' })
  })

  test('an overwrite empties the table with a snapshot, even one that is new', async () => {
    const store = lake()
    const { base } = await commit(store, 'r1', { added: [someFile(store, 'a')] })
    const emptied = await commit(store, 'r2', { base, operation: 'overwrite' })
    expect(await listDataFiles(store, emptied.base.metadata)).toEqual([])
    expect(currentSnapshot(emptied.base.metadata)?.summary).toMatchObject({
      'deleted-records': '10',
      'total-records': '0',
    })
    const fresh = await commit(lake(), 'r1', { operation: 'overwrite' })
    expect(currentSnapshot(fresh.base.metadata)?.summary).toMatchObject({
      operation: 'overwrite',
      'total-records': '0',
    })
  })
})

describe('schemas', () => {
  test('snapshots remember theirs; one that returns keeps its id', async () => {
    const store = lake()
    const first = await commit(store, 'r1', { added: [someFile(store, 'a')] })
    const second = await commit(store, 'r2', {
      base: first.base,
      schema: longer,
      added: [someFile(store, 'b')],
    })
    const third = await commit(store, 'r3', {
      base: second.base,
      schema: idAndName,
      added: [someFile(store, 'c')],
    })
    expect(third.base.metadata.snapshots?.map((snapshot) => snapshot['schema-id'])).toEqual([0, 1, 0])
    expect([third.base.metadata.schemas.length, third.base.metadata['last-column-id']]).toEqual([2, 3])
  })

  test('a successor that is none is refused before anything is written', async () => {
    const store = lake()
    const { base } = await commit(store, 'r1', { added: [someFile(store, 'a')] })
    const text = {
      ...idAndName,
      fields: idAndName.fields.map((f) => ({ ...f, type: { kind: 'string' as const } })),
    }
    for (const operation of ['append', 'overwrite'] as const) {
      await expect(
        prepareSnapshot(requestFor(store, 'r2', { base, operation, schema: text })),
      ).rejects.toThrowError(expect.objectContaining({ code: 'TABLE_SCHEMA_REFUSED' }))
    }
    expect(await countObjects(store)).toBe(3)
  })

  test('a column that partitions or sorts the table cannot be dropped', async () => {
    const store = lake()
    const { base } = await commit(store, 'r1', {})
    const sorted = {
      ...base.metadata,
      'sort-orders': [
        {
          'order-id': 1,
          fields: [
            {
              'source-id': 2,
              transform: 'identity',
              direction: 'asc' as const,
              'null-order': 'nulls-first' as const,
            },
          ],
        },
      ],
      'default-sort-order-id': 1,
    }
    const schema = { ...idAndName, fields: idAndName.fields.slice(0, 1) }
    const request = requestFor(store, 'r2', { base: { ...base, metadata: sorted }, schema })
    await expect(prepareSnapshot(request)).rejects.toThrowError(/partitions or sorts the table/)
    await prepareSnapshot(requestFor(store, 'r2', { base, schema }))
  })
})

async function countObjects(store: ObjectStore): Promise<number> {
  let count = 0
  for await (const _object of store.list('')) count += 1
  return count
}

describe('repeating an attempt', () => {
  test('writes the same bytes and succeeds, also after a crash between the files', async () => {
    const store = lake()
    const request = requestFor(store, 'r1', { added: [someFile(store, 'a')] })
    const first = await prepareSnapshot(request)
    expect(await prepareSnapshot(request)).toEqual(first)
    await store.delete(first.written.slice(1).map((ref) => ref.key))
    expect(await prepareSnapshot(request)).toEqual(first)
  })

  test('with other files or another base is refused and changes nothing', async () => {
    const store = lake()
    const first = await prepareSnapshot(requestFor(store, 'r1', { added: [someFile(store, 'a')] }))
    const other = requestFor(store, 'r1', { added: [someFile(store, 'b')] })
    await expect(prepareSnapshot(other)).rejects.toThrowError(
      expect.objectContaining({ name: 'IntegrityError', code: 'TABLE_FILE_DIFFERS' }),
    )
    for (const ref of first.written) expect(sha256((await store.get(ref.key)).body)).toBe(ref.sha256)
  })

  test('that was committed is refused', async () => {
    const store = lake()
    const { base } = await commit(store, 'r1', { added: [someFile(store, 'a')] })
    await expect(
      prepareSnapshot(requestFor(store, 'r1', { base, added: [someFile(store, 'b')] })),
    ).rejects.toThrowError(expect.objectContaining({ code: 'TABLE_SNAPSHOT_EXISTS' }))
  })

  test('a failing write is reported when no other is in flight any more', async () => {
    const store = lake()
    let inFlight = 0
    const slow: ObjectStore = {
      ...store,
      put: async (key, body, condition) => {
        if (key.endsWith('-m0.avro')) throw new Error('disk full')
        inFlight += 1
        await new Promise((resolve) => setTimeout(resolve, 20))
        const info = await store.put(key, body, condition)
        inFlight -= 1
        return info
      },
    }
    await expect(
      prepareSnapshot(requestFor(slow, 'r1', { added: [someFile(store, 'a')] })),
    ).rejects.toThrowError('disk full')
    expect(inFlight).toBe(0)
  })

  test('puts every file only where there is none', async () => {
    const store = lake()
    const conditions: unknown[] = []
    const watched: ObjectStore = {
      ...store,
      put: (key, body, condition) => {
        conditions.push(condition)
        return store.put(key, body, condition)
      },
    }
    await prepareSnapshot(requestFor(watched, 'r1', { added: [someFile(store, 'a')] }))
    expect(conditions).toEqual(['absent', 'absent', 'absent'])
    await expect(store.put(`bronze/flights/metadata/x`, 'a', 'absent')).resolves.toBeDefined()
    await expect(store.put(`bronze/flights/metadata/x`, 'a', 'absent')).rejects.toThrowError(
      ConditionFailedError,
    )
  })
})

describe('what is refused', () => {
  test('files that are not this table’s own', async () => {
    const store = lake()
    const file = someFile(store, 'a')
    const under = (path: string) => ({ ...file, filePath: `${store.uri}/${path}` })
    const refusals = [
      [under('bronze/other/data/a.parquet'), 'DATA_FILE_REFUSED'],
      [under('bronze/flights/metadata/a.parquet'), 'DATA_FILE_REFUSED'],
      [{ ...file, filePath: 's3://elsewhere/a.parquet' }, 'TABLE_FILE_OUTSIDE_STORE'],
      [{ ...file, content: 'position_deletes' as const }, 'DATA_FILE_REFUSED'],
      [{ ...file, partition: new Map([[1000, 1]]) }, 'DATA_FILE_REFUSED'],
    ] as const
    for (const [bad, code] of refusals) {
      await expect(prepareSnapshot(requestFor(store, 'r1', { added: [bad] }))).rejects.toThrowError(
        expect.objectContaining({ code }),
      )
    }
    await expect(prepareSnapshot(requestFor(store, 'r1', { added: [file, file] }))).rejects.toThrowError(
      /added twice/,
    )
  })

  test('summary entries that are computed, and properties that mean nothing', async () => {
    const store = lake()
    const added = [someFile(store, 'a')]
    for (const key of ['operation', 'total-records', 'added-data-files']) {
      await expect(
        prepareSnapshot(requestFor(store, 'r1', { added, summary: { [key]: '1' } })),
      ).rejects.toThrowError(expect.objectContaining({ code: 'SNAPSHOT_SUMMARY_RESERVED' }))
    }
    for (const [key, value] of [
      ['commit.manifest.min-count-to-merge', 'many'],
      ['write.metadata.previous-versions-max', '0'],
      ['commit.manifest-merge.enabled', 'TRUE'],
    ] as const) {
      await expect(
        prepareSnapshot(requestFor(store, 'r1', { added, properties: { [key]: value } })),
      ).rejects.toThrowError(expect.objectContaining({ code: 'TABLE_PROPERTY_INVALID' }))
    }
  })

  test('reading or overwriting a table with delete files; appending carries them', async () => {
    const store = lake()
    const { base } = await commit(store, 'r1', { added: [someFile(store, 'a')] })
    const deleting = await withDeleteFile(store, base)
    const code = expect.objectContaining({ name: 'PolicyError', code: 'TABLE_DELETES_UNSUPPORTED' })
    await expect(listDataFiles(store, deleting.metadata)).rejects.toThrowError(code)
    const request = requestFor(store, 'r3', { base: deleting, added: [someFile(store, 'c')] })
    await expect(prepareSnapshot({ ...request, operation: 'overwrite' })).rejects.toThrowError(code)
    const appended = await prepareSnapshot(request)
    const manifests = await manifestsOf(store, appended)
    expect(manifests.map((manifest) => manifest.content)).toEqual(['data', 'data', 'deletes'])
    expect(currentSnapshot(appended.metadata)?.summary).toMatchObject({
      'total-delete-files': '1',
      'total-records': '20',
    })
  })
})

/** A snapshot as Spark would leave it after a merge-on-read delete. */
async function withDeleteFile(store: ObjectStore, base: LoadedTable): Promise<LoadedTable> {
  const { metadata } = base
  const [path, list] = ['d.avro', 'dl.avro'].map(
    (name) => `${store.uri}/bronze/flights/metadata/${name}`,
  ) as [string, string]
  const head = currentSnapshot(metadata) ?? expect.unreachable()
  const sequenceNumber = nextSequenceNumber(metadata)
  const deletes = writeManifest({
    schema: idAndName,
    schemas: [idAndName],
    spec: unpartitioned,
    content: 'deletes',
    entries: [
      { status: 'added', snapshotId: 77n, file: { ...someFile(store, 'del'), content: 'position_deletes' } },
    ],
    snapshotId: 77n,
    sequenceNumber,
    path,
  })
  const manifests = [...(await readManifests(store, head)), deletes.manifest]
  await store.put('bronze/flights/metadata/d.avro', deletes.bytes)
  const owner = { snapshotId: 77n, parentSnapshotId: head['snapshot-id'], sequenceNumber }
  await store.put('bronze/flights/metadata/dl.avro', writeManifestList(manifests, owner))
  const summary = { ...head.summary, operation: 'delete', 'total-delete-files': '1' }
  const snapshot = {
    ...head,
    'snapshot-id': 77n,
    'sequence-number': sequenceNumber,
    'manifest-list': list,
    summary,
  }
  return {
    ...base,
    metadata: {
      ...metadata,
      'last-sequence-number': sequenceNumber,
      'current-snapshot-id': 77n,
      snapshots: [...(metadata.snapshots ?? []), snapshot],
    },
  }
}

describe('a table of another writer', () => {
  test('with a 63-bit snapshot id gets a successor that names it exactly', async () => {
    const store = lake()
    const id = 7588721733425183431n
    const first = await commit(store, 'r1', { added: [someFile(store, 'a')], snapshotId: id })
    const second = await commit(store, 'r2', { base: first.base, added: [someFile(store, 'b')] })
    expect(currentSnapshot(second.base.metadata)?.['parent-snapshot-id']).toBe(id)
    expect(await names(store, second.base.metadata, id)).toEqual(['a'])
    expect((await listDataFiles(store, second.base.metadata)).map((file) => file.snapshotId)).toContain(id)
  })

  test('whose clock is ahead keeps its log in order', async () => {
    const store = lake()
    const first = await commit(store, 'r1', { added: [someFile(store, 'a')], timestampMs: 5000 })
    const second = await commit(store, 'r2', {
      base: first.base,
      added: [someFile(store, 'b')],
      timestampMs: 4000,
    })
    expect(second.base.metadata['snapshot-log']?.map((entry) => entry['timestamp-ms'])).toEqual([5000, 5000])
    expect(second.base.metadata['last-updated-ms']).toBe(5000)
  })

  test('with data files elsewhere is not read', async () => {
    const store = lake()
    const { base } = await commit(store, 'r1', { added: [someFile(store, 'a')] })
    const text = printTableMetadata(base.metadata).replaceAll(store.uri, 's3://elsewhere')
    const moved = parseTableMetadata(Buffer.from(text), base.location)
    await expect(listDataFiles(store, moved)).rejects.toThrowError(
      expect.objectContaining({ code: 'TABLE_FILE_OUTSIDE_STORE' }),
    )
    await expect(loadTable(store, 's3://elsewhere/x.metadata.json')).rejects.toThrowError(
      expect.objectContaining({ code: 'TABLE_FILE_OUTSIDE_STORE' }),
    )
  })
})

describe('many appends', () => {
  test('leave a bounded number of manifests, and every file with its own numbers', async () => {
    const store = lake()
    const properties = { 'commit.manifest.min-count-to-merge': '10' }
    let base: LoadedTable | undefined
    const ids: bigint[] = []
    let most = 0
    for (let i = 0; i < 45; i++) {
      const next = await commit(store, `r${i}`, { base, added: [someFile(store, `f${i}`)], properties })
      base = next.base
      ids.push(next.prepared.snapshotId as bigint)
      most = Math.max(most, (await manifestsOf(store, base)).length)
    }
    expect(most).toBeLessThanOrEqual(10)
    const live = await listDataFiles(store, base?.metadata as TableMetadata)
    const byName = new Map(live.map((file) => [file.key.replace(/.*\/f(\d+)\.parquet/, '$1'), file]))
    expect([...byName.keys()].map(Number).toSorted((a, b) => a - b)).toEqual(ids.map((_, i) => i))
    for (const [name, file] of byName) {
      expect([file.snapshotId, file.sequenceNumber, file.fileSequenceNumber]).toEqual([
        ids[Number(name)],
        BigInt(name) + 1n,
        BigInt(name) + 1n,
      ])
    }
    const counts = (await manifestsOf(store, base as LoadedTable)).map((m) => [
      m.existingFiles,
      m.minSequenceNumber,
    ])
    expect(counts.filter(([existing]) => existing !== 0)).toEqual([[41, 1n]])
  }, 30_000)

  test('keep them apart where merging is switched off', async () => {
    const store = lake()
    const properties = { 'commit.manifest.min-count-to-merge': '2', 'commit.manifest-merge.enabled': 'false' }
    let base: LoadedTable | undefined
    for (let i = 0; i < 4; i++) {
      base = (await commit(store, `r${i}`, { base, added: [someFile(store, `f${i}`)], properties })).base
    }
    expect(await manifestsOf(store, base as LoadedTable)).toHaveLength(4)
  })
})

test('any sequence of commits reads back as a plain list of files would', async () => {
  const step = fc.record({ overwrite: fc.boolean(), files: fc.integer({ min: 0, max: 3 }) })
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
    const store = memoryOf(lakeStore)
    const properties = { 'commit.manifest.min-count-to-merge': '3' }
    let base: LoadedTable | undefined
    let model: string[] = []
    const expected = new Map<bigint, string[]>()
    for (const [i, { overwrite, files }] of steps.entries()) {
      const added = Array.from({ length: files }, (_, n) => `${i}-${n}`)
      model = [...(overwrite ? [] : model), ...added].toSorted()
      const next = await commit(store, `r${i}`, {
        base,
        operation: overwrite ? 'overwrite' : 'append',
        added: added.map((name) => someFile(store, name)),
        properties,
      })
      base = next.base
      if (next.prepared.snapshotId !== undefined) expected.set(next.prepared.snapshotId, model)
      expect(await names(store, base.metadata)).toEqual(model)
    }
    for (const [id, files] of expected) {
      const { metadata } = base as LoadedTable
      expect(await names(store, metadata, id)).toEqual(files)
      expect(snapshotById(metadata, id).summary).toMatchObject({
        'total-data-files': String(files.length),
        'total-records': String(files.length * 10),
      })
    }
  })
  await fc.assert(property, { numRuns: 40 })
})

const lakeStore = lake()

/** The few calls that this room makes, without a disk under them. */
function memoryOf(store: ObjectStore): ObjectStore {
  const objects = new Map<string, Uint8Array>()
  return {
    ...store,
    get: async (key) => {
      const body = objects.get(key)
      if (body === undefined) return store.get(key)
      return { info: { key, size: body.byteLength, etag: '', last_modified: '' }, body }
    },
    put: async (key, body) => {
      if (objects.has(key)) throw new ConditionFailedError({ code: 'X', fact: 'there' })
      objects.set(key, Buffer.from(body as Uint8Array))
      return { key, size: body.length, etag: '', last_modified: '' }
    },
  }
}
