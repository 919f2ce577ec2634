import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Engine } from '../engine/engine.ts'
import { quoteLiteral } from '../engine/sql.ts'
import { columnsOf, csvInput, openTestPool, reasonsOf, scanAll } from './scan.suite.ts'
import type { ScanInput } from './scan.ts'

const pool = openTestPool()
const columns = columnsOf({ a: { type: 'integer' }, b: { type: 'string' } })

/** Scans one CSV file of columns a and b. */
async function scanCsv(body: string | Uint8Array, more: Parameters<typeof csvInput>[3] = {}) {
  return await pool.use(async (engine) =>
    scanAll(engine, { inputs: [csvInput(engine, body, ['a', 'b'], more)], columns, pii_policy: 'preserve' }),
  )
}

describe('CSV as it is delivered', () => {
  test.each<[string, string | Uint8Array]>([
    ['plain', 'a,b\n1,x\n2,y\n'],
    ['a byte order mark', '\ufeffa,b\n1,x\n2,y\n'],
    ['CRLF', 'a,b\r\n1,x\r\n2,y\r\n'],
    ['no last line end', 'a,b\n1,x\n2,y'],
    ['blank lines', 'a,b\n\n1,x\n\n2,y\n\n'],
    ['quoted fields', '"a","b"\n"1","x"\n"2","y"\n'],
  ])('%s', async (_name, body) => {
    const { result, accepted } = await scanCsv(body)
    expect(accepted).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: 'y' },
    ])
    expect(result).toMatchObject({ rows_read: 2, rows_rejected: 0 })
  })

  test('quotes, delimiters, line ends and NULs in a field; empty and NULL apart', async () => {
    const { accepted } = await scanCsv('a,b\n1,"say ""hi"", \r\nplease"\n2,""\n3,\n4,"x\0y"\n')
    expect(accepted.slice(0, 3)).toEqual([
      { a: 1, b: 'say "hi", \r\nplease' },
      { a: 2, b: '' },
      { a: 3, b: null },
    ])
  })

  test('another dialect', async () => {
    const body = "1;'it''s'\n2;NULL\n3;'NULL'\n4;\n"
    const dialect = { delimiter: ';', quote: "'", escape: "'", header: false, null_values: ['NULL'] }
    const { accepted } = await scanCsv(body, { dialect })
    expect(accepted.map((row) => row.b)).toEqual(["it's", null, 'NULL', ''])
  })

  test('without a spelling of NULL every empty field is an empty text', async () => {
    const { accepted, rejected } = await scanCsv('a,b\n1,\n2,""\n,x\n', { dialect: { null_values: [] } })
    expect(accepted.map((row) => row.b)).toEqual(['', ''])
    expect(rejected.map(reasonsOf)).toEqual([['a type']])
  })

  test.each([
    ['of no bytes', ''],
    ['of a header line', 'a,b\n'],
    ['of a header without line end', 'a,b'],
  ])('a file %s has no rows', async (_name, body) => {
    const { result } = await scanCsv(body)
    expect(result).toEqual({
      rows_read: 0,
      rows_accepted: 0,
      rows_deduplicated: 0,
      rows_filtered_by_rule: 0,
      rows_rejected: 0,
      rows_filtered: 0,
      rules: [{ column: 'a', rule: 'type', severity: 'error', count: 0 }],
      accepted: [],
      watermark: {},
    })
  })

  test('an input without columns has no rows', async () => {
    const { result } = await pool.use(async (engine) =>
      scanAll(engine, {
        inputs: [csvInput(engine, '', [])],
        columns,
        watermark: { columns: [{ name: 'a' }] },
      }),
    )
    expect(result).toMatchObject({ rows_read: 0, accepted: [], watermark: { a: null } })
  })
})

describe('lines that do not fit', () => {
  test('each is one rejected row with its line, and the others pass', async () => {
    const bad = Buffer.concat([
      Buffer.from('a,b\n1,x\n2\n3,y,z\n4,"q"uote\n5,'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('\n6,w\n'),
    ])
    const { result, accepted, rejected } = await scanCsv(bad)
    expect(accepted.map((row) => row.a)).toEqual([1, 6])
    expect(
      rejected.map((row) => [Number(row.source_line), reasonsOf(row)[0], row.reasons[0]!.message]),
    ).toEqual([
      [3, '- structure', 'has fewer columns than the header'],
      [4, '- structure', 'has more columns than the header'],
      [5, '- structure', 'has text behind a closing quote'],
      [6, '- structure', 'is not UTF-8'],
    ])
    expect(rejected.every((row) => row.source_file === 'landing/in.csv')).toBe(true)
    expect(result).toMatchObject({ rows_read: 6, rows_accepted: 2, rows_rejected: 4 })
    expect(result.rejected!.by_reason).toEqual([{ column: null, rule: 'structure', count: 4 }])
  })

  test('a line that lacks many columns counts once', async () => {
    const wide = columnsOf(
      Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, { type: 'integer' }])),
    )
    const { result } = await pool.use(async (engine) =>
      scanAll(engine, {
        inputs: [csvInput(engine, 'a,b,c,d\n1\n1,2,3,4\n', ['a', 'b', 'c', 'd'])],
        columns: wide,
      }),
    )
    expect(result).toMatchObject({ rows_read: 2, rows_rejected: 1 })
  })

  test('in a file that several threads read, every line is accounted for', async () => {
    // 60 MB: two of the reader's buffers.
    const filler = 'z'.repeat(230)
    const lines = Array.from({ length: 250_000 }, (_, i) => (i % 1000 === 7 ? `${i},x,y` : `${i},${filler}`))
    const { result, rejected } = await scanCsv(`a,b\n${lines.join('\n')}\n`)
    expect(result).toMatchObject({ rows_read: 250_000, rows_accepted: 249_750, rows_rejected: 250 })
    expect(rejected.map((row) => Number(row.source_line))).toEqual(
      lines.flatMap((line, i) => (line.endsWith(',x,y') ? [i + 2] : [])),
    )
  })

  test('two scans in one lease do not mix', async () => {
    await pool.use(async (engine) => {
      for (const body of ['a,b\n1\n', 'a,b\n1,x\n2\n3\n', 'a,b\n1,x\n']) {
        const input = csvInput(engine, body, ['a', 'b'])
        const { result } = await scanAll(engine, { inputs: [input], columns })
        expect(result.rows_rejected).toBe(body.split('\n').filter((line) => /^\d$/.test(line)).length)
      }
    })
  })
})

describe('files that cannot be read whole are refused, never read in part', () => {
  test('a quote that is not closed', async () => {
    await expect(scanCsv('a,b\n1,x\n2,"open\n3,y\n4,z\n')).rejects.toMatchObject({
      code: 'CSV_QUOTE_UNTERMINATED',
      message: expect.stringContaining('landing/in.csv, line 3'),
    })
  })

  test('one that swallows thousands of lines up to a buffer’s end', async () => {
    const lines = Array.from({ length: 900_000 }, (_, i) =>
      i === 5 ? '5,"open' : `${i},some text of row ${i} and more`,
    )
    await expect(scanCsv(`a,b\n${lines.join('\n')}\n`)).rejects.toMatchObject({
      code: 'CSV_QUOTE_UNTERMINATED',
    })
  })

  test.each([3, 12])('a quoted field of %i MB', async (megabytes) => {
    const field = 'line with text\n'.repeat(Math.ceil((megabytes * 1e6) / 15))
    const rows = Array.from({ length: 500_000 }, (_, i) => `${i},some text of row ${i} and more`)
    const body = `a,b\n${rows.slice(0, 250_000).join('\n')}\nx,"${field}"\n${rows.slice(250_000).join('\n')}\n`
    await expect(scanCsv(body)).rejects.toMatchObject({ code: /^CSV_(QUOTE_UNTERMINATED|LINE_TOO_LONG)$/ })
  })

  test('a line of two gigabytes, in little memory and time', async () => {
    await pool.use(async (engine) => {
      const input = csvInput(engine, 'a,b\n1,x\n2,', ['a', 'b']) as Extract<ScanInput, { kind: 'csv' }>
      truncateSync(input.path, 2 * 2 ** 30)
      const file = openSync(input.path, 'r+')
      writeSync(file, '\n3,y\n', 2 * 2 ** 30 - 5)
      closeSync(file)
      const before = process.memoryUsage().rss
      await expect(scanAll(engine, { inputs: [input], columns })).rejects.toMatchObject({
        code: 'CSV_LINE_TOO_LONG',
        message: expect.stringContaining('landing/in.csv'),
      })
      expect(process.memoryUsage().rss - before).toBeLessThan(100e6)
    })
  })

  test('a line just below the limit passes, wherever it lies', async () => {
    for (const before of [0, 1000, 1 << 19, (1 << 20) - 20]) {
      const filler = Array.from({ length: Math.ceil(before / 100) }, () => `1,${'y'.repeat(97)}`)
      const body = `a,b\n${[...filler, `2,${'x'.repeat((1 << 20) - 10)}`, '3,z'].join('\n')}\n`
      const { result } = await scanCsv(body)
      expect(result).toMatchObject({ rows_accepted: filler.length + 2, rows_rejected: 0 })
    }
  })

  test('mixed line ends', async () => {
    await expect(scanCsv('a,b\r\n1,2\n3,4\r\n')).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringMatching(/landing\/in\.csv.*one kind of line end/s),
    })
  })

  test('gzip: whole, truncated, none, and in several members', async () => {
    const body = `a,b\n${Array.from({ length: 2000 }, (_, i) => `${i},val${i}`).join('\n')}\n`
    const packed = gzipSync(body)
    const gz = { name: 'in.csv.gz', compression: 'gzip' as const }
    expect((await scanCsv(packed, gz)).result).toMatchObject({ rows_read: 2000, rows_accepted: 2000 })
    const members = Buffer.concat([gzipSync('a,b\n1,x\n'), gzipSync('2,y\n')])
    expect((await scanCsv(members, gz)).result.rows_read).toBe(2)
    for (const broken of [
      packed.subarray(0, packed.length / 2),
      packed.subarray(0, -4),
      Buffer.from('a,b\n1,2\n'),
      Buffer.alloc(0),
    ]) {
      await expect(scanCsv(broken, gz)).rejects.toMatchObject({
        code: 'SOURCE_UNREADABLE',
        message: expect.stringContaining('landing/in.csv.gz'),
      })
    }
  })

  test('Parquet: truncated, of no bytes, with a damaged page header', async () => {
    await pool.use(async (engine) => {
      const path = join(engine.directory, 'in.parquet')
      const input: ScanInput = { kind: 'parquet', source: 'landing/in.parquet', path }
      const typed = columnsOf({
        a: { type: 'integer', input: 'INTEGER' },
        b: { type: 'string', input: 'VARCHAR' },
      })
      const fill = () =>
        engine.run(
          `COPY (SELECT i::INTEGER AS a, 'v' || i AS b FROM range(100000) t(i)) TO ${quoteLiteral(path)}`,
        )
      const breakings: (() => void)[] = [
        () => truncateSync(path, 5000),
        () => truncateSync(path, 0),
        () => {
          const file = openSync(path, 'r+')
          writeSync(file, Buffer.alloc(64, 0xff), 0, 64, 4)
          closeSync(file)
        },
      ]
      for (const breakIt of breakings) {
        await fill()
        breakIt()
        await expect(scanAll(engine, { inputs: [input], columns: typed })).rejects.toMatchObject({
          code: 'SOURCE_UNREADABLE',
          message: expect.stringContaining('landing/in.parquet'),
        })
      }
    })
  })
})

describe('several files', () => {
  test('of different headers: each row names its file, a column that a file lacks is NULL', async () => {
    await pool.use(async (engine) => {
      const inputs = [
        csvInput(engine, 'a,b\n1,x\nbad,y\n', ['a', 'b'], { name: 'one.csv' }),
        csvInput(engine, 'b,a\nz,3\nw,bad\n', ['b', 'a'], { name: 'two.csv' }),
        csvInput(engine, 'a\n4\nbad\n5,5\n', ['a'], { name: 'three.csv' }),
        csvInput(engine, 'a,b\n6,v\n', ['a', 'b'], { name: 'four.csv' }),
      ]
      const { result, accepted, rejected } = await scanAll(engine, { inputs, columns })
      expect(accepted).toEqual([
        { a: 1, b: 'x' },
        { a: 3, b: 'z' },
        { a: 4, b: null },
        { a: 6, b: 'v' },
      ])
      expect(rejected.map((row) => [row.source_file, reasonsOf(row)[0]])).toEqual([
        ['landing/one.csv', 'a type'],
        ['landing/three.csv', '- structure'],
        ['landing/three.csv', 'a type'],
        ['landing/two.csv', 'a type'],
      ])
      expect(result).toMatchObject({ rows_read: 8, rows_accepted: 4, rows_rejected: 4 })
    })
  })

  test('Parquet rows name their file and row, and a watermark counts what it filters', async () => {
    await pool.use(async (engine) => {
      const inputs = ['p', 'q'].map(
        (name): ScanInput => ({
          kind: 'parquet',
          source: `in/${name}.parquet`,
          path: join(engine.directory, `${name}.parquet`),
        }),
      )
      await engine.run(`COPY (SELECT i AS a FROM range(5) t(i)) TO ${quoteLiteral(join(engine.directory, 'p.parquet'))};
        COPY (SELECT 'b' || i AS b, i + 5 AS a FROM range(5) t(i)) TO ${quoteLiteral(join(engine.directory, 'q.parquet'))}`)
      const typed = columnsOf({
        a: { type: 'integer', input: 'BIGINT', max: 7 },
        b: { type: 'string', input: 'VARCHAR' },
      })
      const { result, rejected } = await scanAll(engine, {
        inputs,
        columns: typed,
        watermark: { columns: [{ name: 'a', after: '3' }] },
      })
      expect(result).toMatchObject({
        rows_read: 10,
        rows_filtered: 4,
        rows_accepted: 4,
        rows_rejected: 2,
        watermark: { a: '7' },
      })
      expect(rejected.map((row) => [row.source_file, row.source_row])).toEqual([
        ['in/q.parquet', 4n],
        ['in/q.parquet', 5n],
      ])
    })
  })
})

describe('JSON', () => {
  const scanJson = (
    body: string | Uint8Array,
    format: 'ndjson' | 'array',
    compression: 'none' | 'gzip' = 'none',
  ) =>
    pool.use(async (engine) => {
      const path = join(engine.directory, 'in.json')
      writeFileSync(path, body)
      const names = columnsOf({ a: { type: 'integer' }, b: { type: 'string' }, 'c.d': { type: 'string' } })
      const input: ScanInput = {
        kind: 'json',
        source: 'in/x.json',
        path,
        columns: ['a', 'b', 'c.d'],
        format,
        compression,
      }
      return await scanAll(engine, { inputs: [input], columns: names, pii_policy: 'preserve' })
    })
  const objects = [
    '{"a":1,"b":"x"}',
    '{"a":"2","b":null,"c.d":{"e":[1]}}',
    '{"a":1.5,"b":true}',
    '{"b":"\\u00e9"}',
  ]

  test.each<[string, string | Uint8Array, 'ndjson' | 'array', 'none' | 'gzip']>([
    ['lines', `${objects.join('\n')}\n`, 'ndjson', 'none'],
    ['an array', `[${objects.join(', ')}]`, 'array', 'none'],
    ['gzip', gzipSync(objects.join('\n')), 'ndjson', 'gzip'],
  ])('%s', async (_name, body, format, compression) => {
    const { accepted, rejected } = await scanJson(body, format, compression)
    expect(accepted).toEqual([
      { a: 1, b: 'x', 'c.d': null },
      { a: 2, b: null, 'c.d': '{"e":[1]}' },
      { a: null, b: 'é', 'c.d': null },
    ])
    expect(rejected.map((row) => [reasonsOf(row), JSON.parse(row.raw!)])).toEqual([
      [['a type'], { a: '1.5', b: 'true', 'c.d': null }],
    ])
  })

  test.each([
    ['a broken object', '{"a":1}\n{"a":"secret\n', /: line 2 is no JSON \(/],
    ['an array', '{"a":1}\n["secret"]\n', /: line 2 is no object\. .*Correct it: format: ndjson is/],
    ['a number', '{"a":1}\n5\n', /: line 2 is no object\./],
    ['a key twice', '{"a":"secret","a":"secret"}\n', /: line 1 has a key twice\./],
    ['two objects in a line', '{"a":1}{"a":"secret"}\n', /: line 1 is no JSON \(/],
    ['half a surrogate pair', '{"a":"secret\\ud83d"}\n', /: line 1 is no JSON \(/],
    ['an object beyond the limit', `{"a":1}\n{"b":"${'secret'.repeat(7e6)}"}\n`, /less than 16 MiB/],
  ])('%s stops the scan, naming the file and the line and no value', async (_name, body, said) => {
    const error = await scanJson(body, 'ndjson').catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'SOURCE_UNREADABLE', message: expect.stringMatching(said) })
    expect(error.message).toContain('in/x.json cannot be read')
    expect(error.message).not.toContain('secret')
  })

  test.each([
    ['a number among objects', '[{"a":1}, 5]', /: item 2 of the array is no object\./],
    ['a key twice', '[{"a":"secret","a":1}]', /: item 1 of the array has a key twice\./],
    ['text behind it', '[{"a":1}] secret', /: it is no JSON \(.*Correct it: format: json is one array/],
    ['an object', '{"a":"secret"}', /use format: ndjson/],
  ])('%s of an array stops the scan', async (_name, body, said) => {
    const error = await scanJson(body, 'array').catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'SOURCE_UNREADABLE', message: expect.stringMatching(said) })
    expect(error.message).not.toContain('secret')
  })

  test('an empty file has no rows', async () => {
    expect((await scanJson('', 'ndjson')).result.rows_read).toBe(0)
    expect((await scanJson('[]', 'array')).result.rows_read).toBe(0)
  })
})

describe('the place of a rejected row', () => {
  const rejects = {
    contract_sha256: 'c'.repeat(64),
    seen_at: '2024-05-01T10:00:00.000Z',
    scan: 'quarantine/r/f/0001-0',
  }
  const numbers = fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.constant('1') },
      { weight: 2, arbitrary: fc.constant('bad') },
      { weight: 1, arbitrary: fc.constantFrom('1,2,3', '"1\n"') },
    ),
    { maxLength: 40 },
  )

  test('is the number of its record in its own file, whatever else the files hold', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(numbers, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('csv', 'ndjson'),
        async (files, kind) => {
          await pool.use(async (engine) => {
            const inputs = files.map((lines, i) => inputOf(engine, kind, `${i}.${kind}`, lines))
            const { rejected } = await scanAll(engine, {
              inputs: inputs.map((input, i) => ({ ...input, version: `etag-${i}` })),
              columns: columnsOf({ a: { type: 'integer' } }),
              rejects,
            })
            const found = rejected
              .filter((row) => row.source_row !== null)
              .map((row) => `${row.source_file} ${row.source_version} ${row.source_row}`)
            const expected = files.flatMap((lines, i) =>
              lines
                .filter((line) => kind === 'ndjson' || line !== '1,2,3')
                .flatMap((line, k) => (line === '1' ? [] : [`landing/${i}.${kind} etag-${i} ${k + 1}`])),
            )
            expect(found.sort()).toEqual(expected.sort())
            expect(new Set(rejected.map((row) => row.row_id)).size).toBe(rejected.length)
          })
        },
      ),
      { numRuns: 25 },
    )
  })

  test('is found in a file that several threads read', async () => {
    const filler = 'z'.repeat(230)
    const lines = Array.from({ length: 250_000 }, (_, i) => `${i % 1000 === 7 ? 'x' : i},${filler}`)
    const { rejected } = await scanCsv(`a,b\n${lines.join('\n')}\n`)
    expect(rejected.map((row) => Number(row.source_row)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 250 }, (_, i) => i * 1000 + 8),
    )
  })

  test('makes its id, with the object and its version, and nothing else does', async () => {
    const idsOf = async (body: string, version: string) =>
      await pool.use(async (engine) => {
        const input = { ...csvInput(engine, body, ['a', 'b']), version }
        const { rejected } = await scanAll(engine, { inputs: [input], columns, rejects })
        return rejected.map((row) => row.row_id)
      })
    const ids = await idsOf('a,b\nx,1\ny,2\n', 'one')
    expect(ids).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.stringMatching(/^[0-9a-f]{32}$/)])
    expect(await idsOf('a,b\np,3\nq,4\n', 'one')).toEqual(ids)
    expect(await idsOf('a,b\nx,1\ny,2\n', 'two')).not.toEqual(ids)
  })
})

function inputOf(engine: Engine, kind: string, name: string, lines: readonly string[]): ScanInput {
  if (kind === 'csv')
    return csvInput(engine, `a\n${lines.map((line) => `${line}\n`).join('')}`, ['a'], { name })
  const path = join(engine.directory, name)
  writeFileSync(path, lines.map((line) => `${JSON.stringify({ a: line })}\n`).join(''))
  return {
    kind: 'json',
    source: `landing/${name}`,
    path,
    columns: ['a'],
    format: 'ndjson',
    compression: 'none',
  }
}
