import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EnginePool, openEnginePool } from '../engine/engine.ts'
import { quoteLiterals } from '../engine/sql.ts'
import { openDirectoryStore } from '../stores/directory-object-store.ts'
import type { ObjectPin, ObjectStore } from '../stores/object-store.ts'
import { columnsSelect, downloadColumns, downloadFooter } from './parquet-ranges.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-ranges-'))
const rows = 200_000
let engines: EnginePool
let store: ObjectStore
let pins: ObjectPin[]
/** Bytes that were asked of the store. */
let fetched = 0

beforeAll(async () => {
  engines = openEnginePool({ directory: join(directory, 'engines'), size: 1 })
  const real = openDirectoryStore(join(directory, 'store'))
  mkdirSync(join(directory, 'store'), { recursive: true })
  await engines.use(async (engine) => {
    for (const [i, key] of ['0.parquet', '1.parquet', 'without.parquet', 'small.parquet'].entries()) {
      const count = key === 'small.parquet' ? 10 : rows
      const id =
        key === 'without.parquet'
          ? ''
          : `CASE WHEN range % 10 = 3 THEN NULL ELSE range + ${i * rows} END AS "the id", `
      const ids = `{${id === '' ? '' : '"the id": 1, '}text: 2, few: 3}`
      const path = join(engine.directory, key)
      await engine.run(
        `COPY (SELECT ${id}md5(CAST(range AS VARCHAR)) AS text, range % 7 AS few FROM range(${count}))
         TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 30000, FIELD_IDS ${ids})`,
      )
      await real.upload(key, path)
    }
  })
  store = {
    ...real,
    read: async (pin, start, end) => {
      fetched += end - start
      return await real.read(pin, start, end)
    },
  }
  pins = []
  for await (const { key, size, etag } of store.list('')) pins.push({ key, size, etag })
})
afterAll(async () => {
  await engines.close()
  rmSync(directory, { recursive: true, force: true })
})

describe('a Parquet object in parts', () => {
  it('is described by its footer, which is all that it takes of the disk', async () => {
    const pin = pins.find(({ key }) => key === '0.parquet') as ObjectPin
    expect(pin.size).toBeGreaterThan(4 << 20)
    await engines.use(async (engine) => {
      const { path } = await downloadFooter(store, pin, engine.directory)
      expect(statSync(path).size).toBe(pin.size)
      expect(statSync(path).blocks * 512).toBeLessThan(256 * 1024)
      const columns = await engine.rows(`DESCRIBE SELECT * FROM read_parquet('${path}')`)
      expect(columns.map((column) => column.column_name)).toEqual(['the id', 'text', 'few'])
    })
  })

  it('gives one column whole, and nothing else is fetched', async () => {
    fetched = 0
    await engines.use(async (engine) => {
      const paths = await downloadColumns(store, engine, pins, [
        { name: 'the id', field_id: 1, type: { type: 'bigint' } },
      ])
      const [sums] = await engine.rows(
        `SELECT count(*) AS all_rows, count("the id") AS present, sum("the id") AS total, min("the id") AS least, max("the id") AS most
         FROM read_parquet(${quoteLiterals(paths)}, union_by_name = true)`,
      )
      const ids = (from: number, count: number) =>
        Array.from({ length: count }, (_, i) => i).flatMap((i) => (i % 10 === 3 ? [] : [from + i]))
      const expected = [...ids(0, rows), ...ids(rows, rows), ...ids(3 * rows, 10)]
      expect(sums).toMatchObject({
        all_rows: BigInt(2 * rows + 10),
        present: BigInt(expected.length),
        total: BigInt(expected.reduce((a, b) => a + b, 0)),
        least: 0n,
        most: BigInt(3 * rows + 9),
      })
    })
    const all = pins.reduce((sum, pin) => sum + pin.size, 0)
    expect(fetched).toBeLessThan(all / 3)
  })

  it('gives several columns row by row, of the objects that have all of them', async () => {
    fetched = 0
    await engines.use(async (engine) => {
      const columns = [
        { name: 'few', field_id: 3, type: { type: 'bigint' } },
        { name: 'key', field_id: 1, type: { type: 'bigint' } },
      ] as const
      const paths = await downloadColumns(store, engine, pins, columns)
      const [sums] = await engine.rows(
        `SELECT count(*) AS all_rows, count(*) FILTER (few <> key % ${rows} % 7) AS torn
         FROM (${columnsSelect(paths, columns)})`,
      )
      expect(sums).toEqual({ all_rows: BigInt(2 * rows + 10), torn: 0n })
    })
    const all = pins.reduce((sum, pin) => sum + pin.size, 0)
    expect(fetched).toBeLessThan(all / 3)
  })

  it('gives NULL for a column that an object lacks, if asked to', async () => {
    await engines.use(async (engine) => {
      const columns = [{ name: 'id', field_id: 1, type: { type: 'bigint' } }] as const
      const paths = await downloadColumns(store, engine, pins, columns, 'null')
      const [sums] = await engine.rows(
        `SELECT count(*) AS all_rows, count(id) AS present FROM (${columnsSelect(paths, columns)})`,
      )
      expect(sums).toEqual({ all_rows: BigInt(3 * rows + 10), present: BigInt(1.8 * rows + 9) })
    })
  })

  it('gives nested columns whole', async () => {
    await engines.use(async (engine) => {
      const path = join(engine.directory, 'nested')
      await engine.run(
        `COPY (SELECT {'x': range, 'y': [md5(CAST(range AS VARCHAR))]} AS s, md5(CAST(range + 1 AS VARCHAR)) AS t
               FROM range(60000)) TO '${path}' (FORMAT parquet,
           FIELD_IDS {s: {__duckdb_field_id: 1, x: 3, y: {__duckdb_field_id: 4, element: 5}}, t: 2})`,
      )
      const real = openDirectoryStore(join(directory, 'nested'))
      mkdirSync(join(directory, 'nested'), { recursive: true })
      await real.upload('n.parquet', path)
      const pin = (await real.head('n.parquet')) as ObjectPin
      const y = { type: 'list', items: { type: 'string' } } as const
      const fields = [
        { name: 'x', type: { type: 'bigint' } },
        { name: 'y', type: y },
      ] as const
      const columns = [{ name: 's', field_id: 1, type: { type: 'struct', fields } }] as const
      const paths = await downloadColumns(real, engine, [pin], columns)
      const [sums] = await engine.rows(
        `SELECT count(*) AS all_rows, sum(s.x) AS total, count(*) FILTER (s.y[1] <> md5(CAST(s.x AS VARCHAR))) AS torn
         FROM (${columnsSelect(paths, columns)})`,
      )
      expect(sums).toEqual({ all_rows: 60000n, total: 1799970000n, torn: 0n })
    })
  })
})
