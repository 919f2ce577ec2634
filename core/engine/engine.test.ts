import { execFileSync } from 'node:child_process'
import { existsSync, linkSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type Engine, type EnginePool, openEnginePool } from './engine.ts'
import { quoteIdentifier, quoteLiteral } from './sql.ts'

const directory = mkdtempSync(join(tmpdir(), 'engine-'))
const outside = join(directory, 'outside.csv')
writeFileSync(outside, 'a\n1\n')
const pool = openEnginePool({ directory: join(directory, 'pool'), size: 1, threads: 2 })
afterAll(async () => {
  await pool.close()
  rmSync(directory, { recursive: true })
})

const failure = (engine: Engine, sql: string) =>
  engine.rows(sql).then(
    () => 'it ran',
    (error) => `${error.code} ${error.message}`,
  )

test('importing the engine loads no DuckDB', () => {
  const script = `await import(${JSON.stringify(new URL('./engine.ts', import.meta.url).href)})
    console.log(JSON.stringify(process.report.getReport().sharedObjects.filter((path) => /duckdb/.test(path))))`
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  expect(JSON.parse(out)).toEqual([])
})

test('values keep their exactness', async () => {
  const [row] = await pool.use((engine) =>
    engine.rows(`SELECT 9223372036854775807 AS big, 170141183460469231731687303715884105727::HUGEINT AS huge,
      12.30::DECIMAL(38,2) AS decimal, DATE '0001-01-01' AS day, TIMESTAMPTZ '2024-01-05 10:00:00+05:30' AS at,
      [1, NULL] AS list, {'a': 'x'} AS struct, MAP {'k': 1.5} AS map, true AS yes, 0.1::DOUBLE AS double,
      'ab'::BLOB AS blob, NULL AS nothing`),
  )
  expect(row).toEqual({
    big: 9223372036854775807n,
    huge: 170141183460469231731687303715884105727n,
    decimal: '12.30',
    day: '0001-01-01',
    at: '2024-01-05 04:30:00+00',
    list: [1, null],
    struct: { a: 'x' },
    map: [['k', '1.5']],
    yes: true,
    double: 0.1,
    blob: Buffer.from('ab'),
    nothing: null,
  })
})

test('copy gives file statistics and rows counted by the operators', async () => {
  await pool.use(async (engine) => {
    const target = join(engine.directory, 'out')
    const outcome = await engine.copy(
      `COPY (SELECT i, 'v' || i AS "a ""b""", i > 5 AS p FROM range(10) t(i) WHERE i <> 3)
       TO ${quoteLiteral(target)} (FORMAT parquet, PARTITION_BY (p), RETURN_STATS)`,
    )
    expect(outcome.operators).toEqual({ scanned: 10, copied: 9 })
    const files = [...outcome.files].sort((a, b) => a.rows - b.rows)
    expect(files.map((file) => [file.rows, file.partition.p])).toEqual([
      [4, 'true'],
      [5, 'false'],
    ])
    expect(files[1]!.columns.i).toMatchObject({ min: '0', max: '5', nulls: 0, values: 5 })
    expect(files[1]!.columns['a "b"']).toMatchObject({ min: 'v0', max: 'v5' })
    expect(files[1]!.bytes).toBeGreaterThan(files[1]!.footer_bytes)
  })
})

describe('lock-down', () => {
  test('nothing outside the directory is read or written', async () => {
    await pool.use(async (engine) => {
      const link = join(engine.directory, 'link.csv')
      symlinkSync(outside, link)
      for (const sql of [
        `SELECT * FROM read_csv(${quoteLiteral(outside)})`,
        `SELECT * FROM read_csv(${quoteLiteral(link)})`,
        `SELECT * FROM read_text(${quoteLiteral(join(engine.directory, '../../../outside.csv'))})`,
        `COPY (SELECT 1) TO ${quoteLiteral(join(directory, 'written.csv'))}`,
        `ATTACH ${quoteLiteral(join(directory, 'written.db'))}`,
        `SELECT * FROM ${quoteIdentifier(outside)}`,
      ]) {
        expect(await failure(engine, sql), sql).toMatch(/^ENGINE_FORBIDDEN/)
      }
    })
    expect(readdirSync(directory)).not.toContain('written.csv')
  })

  test('a hard link in the directory is read', async () => {
    const rows = await pool.use(async (engine) => {
      const path = join(engine.directory, 'in.csv')
      linkSync(outside, path)
      return await engine.rows(`SELECT a FROM read_csv(${quoteLiteral(path)})`)
    })
    expect(rows).toEqual([{ a: 1n }])
  })

  test('no extension, no setting, no profiling change', async () => {
    await pool.use(async (engine) => {
      for (const sql of ['INSTALL httpfs', 'LOAD httpfs']) {
        expect(await failure(engine, sql), sql).toMatch(/^ENGINE_FORBIDDEN/)
      }
      for (const sql of [
        'SET threads = 1',
        'SET enable_external_access = true',
        'SET lock_configuration = false',
        "SET allowed_directories = ['/']",
        "PRAGMA profiling_output = '/tmp/x'",
        "SET TimeZone = 'Europe/Berlin'",
      ]) {
        expect(await failure(engine, sql), sql).toMatch(/configuration has been locked|Cannot change/)
      }
      expect(await engine.rows(`SELECT current_setting('TimeZone') AS zone`)).toEqual([{ zone: 'UTC' }])
    })
  })
})

describe('leases', () => {
  test('a lease sees nothing of the one before', async () => {
    const first = await pool.use(async (engine) => {
      await engine.run(`CREATE TABLE a AS SELECT 1; CREATE TEMP TABLE b AS SELECT 1; CREATE VIEW c AS SELECT 1;
        CREATE MACRO d() AS 1; CREATE SCHEMA e; CREATE TYPE f AS ENUM ('x')`)
      writeFileSync(join(engine.directory, 'left.txt'), 'x')
      return engine.directory
    })
    await pool.use(async (engine) => {
      expect(engine.directory).not.toBe(first)
      expect(existsSync(first)).toBe(false)
      expect(readdirSync(engine.directory)).toEqual([])
      for (const sql of [
        'FROM a',
        'FROM b',
        'FROM c',
        'SELECT d()',
        'CREATE TABLE e.x (i INT)',
        "SELECT 'x'::f",
      ]) {
        expect(await failure(engine, sql), sql).toMatch(
          /^ENGINE_STATEMENT.*(not exist|No function|catalog|Catalog)/,
        )
      }
    })
  })

  test('a file is read as it is, not as one of the same name was', async () => {
    for (let i = 0; i < 60; i++) {
      const value = [3, -128, 127, 5, 100][i % 5]
      const rows = await pool.use(async (engine) => {
        const path = join(engine.directory, 'x.parquet')
        for (const v of [77, value]) {
          rmSync(path, { force: true })
          await engine.run(`COPY (SELECT ${v}::INTEGER AS v) TO ${quoteLiteral(path)} (FORMAT parquet)`)
          await engine.rows(`SELECT v FROM read_parquet(${quoteLiteral(path)}) ORDER BY ALL`)
        }
        return await engine.rows(`SELECT v FROM read_parquet(${quoteLiteral(path)}) ORDER BY ALL`)
      })
      expect(rows).toEqual([{ v: value }])
    }
  })

  test('a failed statement leaves a usable engine', async () => {
    await pool.use(async (engine) => {
      expect(await failure(engine, 'SELECT 1/')).toMatch(/^ENGINE_STATEMENT/)
      expect(await failure(engine, "SELECT CAST('x' AS INTEGER)")).toMatch(/^ENGINE_STATEMENT/)
      expect(await engine.rows('SELECT 1 AS one')).toEqual([{ one: 1 }])
    })
  })

  test('an engine is dead after its lease', async () => {
    let kept: Engine | undefined
    await pool.use(async (engine) => {
      kept = engine
    })
    await expect(kept!.rows('SELECT 1')).rejects.toMatchObject({ code: 'ENGINE_LEASE_ENDED' })
  })

  test('no more than size at a time, and each waits its turn', async () => {
    const order: string[] = []
    await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        pool.use(async (engine) => {
          order.push(`${name} in`)
          await engine.rows('SELECT 1')
          order.push(`${name} out`)
        }),
      ),
    )
    expect(order).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
  })

  test('done passes the instance on and keeps the files', async () => {
    const marks: string[] = []
    let path = ''
    const first = pool.use(async (engine) => {
      path = join(engine.directory, 'kept.csv')
      await engine.run(`COPY (SELECT 42 AS a) TO ${quoteLiteral(path)}`)
      await engine.done()
      await second
      marks.push('first')
      expect(existsSync(path)).toBe(true)
      expect(await failure(engine, 'SELECT 1')).toContain('ENGINE_LEASE_ENDED')
    })
    const second = pool.use(async (engine) => {
      marks.push('second')
      expect(readdirSync(engine.directory)).toEqual([])
    })
    await first
    expect(marks).toEqual(['second', 'first'])
    expect(existsSync(path)).toBe(false)
  })

  test('two instances have two directories', async () => {
    const two = openEnginePool({ directory: join(directory, 'two'), size: 2, threads: 1 })
    const names = await Promise.all(
      [0, 1].map(() =>
        two.use(async (engine) => {
          await engine.rows('SELECT 1')
          return engine.directory
        }),
      ),
    )
    expect(new Set(names).size).toBe(2)
    await two.close()
    await expect(two.use(async () => 1)).rejects.toMatchObject({ code: 'ENGINE_CLOSED' })
  })
})

describe('abort', () => {
  const forever = 'SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(10000000) b(i)'

  test('interrupts the running statement with the reason, and the instance lives on', async () => {
    const controller = new AbortController()
    const reason = new Error('time is up')
    setTimeout(() => controller.abort(reason), 100)
    const started = performance.now()
    await expect(pool.use((engine) => engine.rows(forever), { signal: controller.signal })).rejects.toBe(
      reason,
    )
    expect(performance.now() - started).toBeLessThan(5_000)
    expect(await pool.use((engine) => engine.rows('SELECT 1 AS one'))).toEqual([{ one: 1 }])
  })

  test('ends the waiting for a lease', async () => {
    const controller = new AbortController()
    const { promise: held, resolve: free } = Promise.withResolvers<void>()
    const holder = pool.use(() => held)
    const waiter = pool.use(async () => 'got it', { signal: controller.signal })
    controller.abort(new Error('no longer'))
    await expect(waiter).rejects.toThrow('no longer')
    free()
    await holder
    expect(await pool.use(async () => 'next')).toBe('next')
  })

  test('a signal that has fired already runs nothing', async () => {
    await expect(pool.use(async () => 1, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow(
      'before',
    )
  })
})

test('memory and disk errors are retryable, unreadable files are the source’s', async () => {
  const small: EnginePool = openEnginePool({
    directory: join(directory, 'small'),
    size: 1,
    threads: 1,
    memoryLimitMb: 20,
  })
  await small.use(async (engine) => {
    expect(await failure(engine, 'SELECT len(list(i)) FROM range(20000000) t(i)')).toMatch(/^ENGINE_MEMORY/)
    writeFileSync(join(engine.directory, 'x.parquet'), 'PAR1 nothing in here, sorry PAR')
    const sql = `FROM read_parquet(${quoteLiteral(join(engine.directory, 'x.parquet'))})`
    expect(await failure(engine, sql)).toMatch(/^SOURCE_UNREADABLE/)
  })
  await small.close()
})

test('a lease finds nothing of the one before in its directory, and no path is used twice', async () => {
  const seen = new Set<string>()
  for (let i = 0; i < 3; i++) {
    await pool.use(async (engine) => {
      expect(readdirSync(engine.directory)).toEqual([])
      expect(seen.has(engine.directory)).toBe(false)
      seen.add(engine.directory)
      writeFileSync(join(engine.directory, 'file'), 'x')
      await engine.run(`COPY (SELECT 1 AS a, 2 AS p) TO ${quoteLiteral(join(engine.directory, 'parts'))}
        (FORMAT parquet, PARTITION_BY (p))`)
    })
  }
})
