import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import type { TypeName } from '../../core/contract/column-types.ts'
import { contractType } from '../../core/contract/nested-contract.ts'
import { openTestPool, reasonsOf } from '../../core/contract/scan.suite.ts'
import type { ColumnContract } from '../../core/contract/types.ts'
import { transformersSchema } from '../../core/manifest/schema-transformers.ts'
import { columnName } from '../../core/sources/column-names.ts'
import { formatLetters } from '../../core/transformers/formats.ts'
import { hashLetter } from '../../core/transformers/hash.ts'
import { type Cell, makeRows } from '../../core/transformers/made.suite.ts'
import type { Transformers } from '../../core/transformers/types.ts'

const pool = openTestPool(1)

/** What docs/transformers.md says in its tables is what the engine does, row by row. */
const text = readFileSync(new URL('../../docs/transformers.md', import.meta.url), 'utf8')

function rowsOf(header: string): string[][] {
  const table = text.slice(text.indexOf(header)).split('\n\n')[0] as string
  const rows = table.split('\n').slice(2)
  if (rows.length < 5) throw new Error(`no table ${header}`)
  return rows.map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')))
}

function codes(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string)
}

const [code] = [(cell: string) => codes(cell)[0] as string]

function contractOf(name: string): ColumnContract {
  const [, type, precision, scale] = /^(\w+)(?:\((\d+),(\d+)\))?$/.exec(name) as unknown as string[]
  const digits = precision === undefined ? {} : { precision: Number(precision), scale: Number(scale) }
  return { type: type as TypeName, ...digits }
}

function steps(plain: unknown): Transformers {
  return transformersSchema.parse(plain) as Transformers
}

async function one(transformers: Transformers, contract: ColumnContract, value: Cell): Promise<unknown> {
  const { accepted, rejected } = await makeRows(pool, {
    transformers,
    columns: ['v', 'n'],
    rows: [[value, '1']],
    contract: { v: contract },
  })
  return rejected[0] === undefined ? accepted[0]?.v : reasonsOf(rejected[0])
}

it.each(rowsOf('| rule | value | becomes |'))('values: %s, %s becomes %s', async (rule, value, becomes) => {
  const transformers = steps({ values: [{ ...parse(`{ ${code(rule)} }`), columns: ['v'] }] })
  const made = await one(transformers, { type: 'string' }, JSON.parse(code(value)))
  expect(made).toBe(JSON.parse(code(becomes)))
})

it.each(rowsOf('| rule | type | value | becomes |'))('masks: %s of %s %s becomes %s', async (...cells) => {
  const [rule, type, value, becomes] = cells.map(code) as [string, string, string, string]
  const transformers = steps({ masking: [{ ...parse(`{ ${rule} }`), columns: ['v'] }] })
  const made = await one(transformers, contractOf(type), JSON.parse(value))
  expect(made === null ? null : String(made)).toBe(JSON.parse(becomes))
})

it.each(rowsOf('| format | accepted | refused |'))('formats: %s', async (format, accepted, refused) => {
  const transformers = steps({ formats: { v: code(format) } })
  const type = /[XxZ]`$/.test(format) ? 'timestamp_tz' : /[Hh]/.test(format) ? 'timestamp' : 'date'
  const pairs = [...(accepted as string).matchAll(/`([^`]+)` is `([^`]+)`/g)]
  expect(pairs.length).toBeGreaterThan(0)
  for (const [, written, value] of pairs) {
    expect(String(await one(transformers, { type }, written as string))).toBe(value)
  }
  for (const written of codes(refused)) {
    expect(await one(transformers, { type }, written), written).toEqual(['v type'])
  }
})

it('formats: all letters are named', () => {
  const line = text.split('\n').find((each) => each.includes('DateTimeFormatter')) as string
  const named = codes(line.slice(0, line.indexOf('. Any other')))
  const all = formatLetters.filter((letters) => !/^SS?S?S?S?$/.test(letters))
  expect(named.filter((word) => word !== 'DateTimeFormatter' && word !== 'S').sort()).toEqual(all.sort())
})

const hashes = rowsOf('| types | values | hashed text |')

it.each(hashes)('hashes: %s of %s', async (types, values, payload) => {
  const names = codes(types).map((_, i) => `c${i}`)
  const { accepted } = await makeRows(pool, {
    transformers: steps({ hash_columns: [{ name: 'h', columns: names }] }),
    columns: names,
    rows: [codes(values).map((value) => JSON.parse(value))],
    contract: Object.fromEntries(codes(types).map((type, i) => [`c${i}`, contractOf(type)])),
  })
  expect(accepted[0]?.h).toBe(createHash('sha256').update(code(payload)).digest('hex'))
})

it('hashes: every type that has a letter is in the table', () => {
  const named = new Set(hashes.flatMap(([types]) => codes(types as string)))
  const hashed = ['string', 'tinyint', 'integer', 'bigint', 'boolean', 'date'] as const
  expect([...named].sort()).toEqual([...hashed].sort())
  for (const type of hashed) expect(hashLetter({ type: contractType({ type }) })).toBeDefined()
})

it.each(rowsOf('| name | lower | snake |'))('names: %s', (name, lower, snake) => {
  expect([columnName(code(name), 'lower'), columnName(code(name), 'snake')]).toEqual([
    code(lower),
    code(snake),
  ])
})
