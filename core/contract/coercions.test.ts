import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { quoteLiteral } from '../engine/sql.ts'
import { coercedSql, coercedText, isCoercible } from './coercions.ts'
import { type ColumnType, scalarOf, typeText } from './column-types.ts'
import { accepted, refused, types } from './grammar.suite.ts'
import { acceptsText, valueText } from './grammar.ts'
import { contractType } from './nested-contract.ts'
import { columnsOf, csvInput, openTestPool, scanAll } from './scan.suite.ts'
import type { ColumnContract } from './types.ts'

const pool = openTestPool(1)

/** The table of docs/contracts.md is what is coerced, each spelling of it. */
const text = readFileSync(new URL('../../docs/contracts.md', import.meta.url), 'utf8')
const table = text.slice(text.indexOf('| type | becomes | stays refused |')).split('\n\n')[0] as string
const rows = table
  .split('\n')
  .slice(2)
  .map((line) => {
    const [, type, becomes, stays] = line.split('|') as [string, string, string, string]
    const pairs = [...becomes.matchAll(/`([^`]+)` → `([^`]+)`/g)].map(([, from, to]) => [from!, to!] as const)
    const others = [...stays.matchAll(/`([^`]+)`/g)].map(([, spelling]) => spelling!)
    return { contract: contractOf(type.trim().replaceAll('`', '')), pairs, others }
  })

function contractOf(name: string): ColumnContract {
  const [, type, precision, scale] = /^(\w+)(?:\((\d+),(\d+)\))?$/.exec(name)!
  return {
    type: type as ColumnContract['type'],
    ...(precision === undefined ? {} : { precision: Number(precision), scale: Number(scale) }),
  }
}

/** What a scan under `coerce` makes of texts: the value as text of its type, or the rule that it breaks. */
async function scanned(contract: ColumnContract, texts: readonly string[]) {
  return await pool.use(async (engine) => {
    const lines = texts.map((value, i) => `${i},"${value.replaceAll('"', '""')}"`)
    const input = csvInput(engine, `n,v\n${lines.join('\n')}\n`, ['n', 'v'])
    const columns = columnsOf({ n: { type: 'integer' }, v: contract })
    const scan = await scanAll(engine, { inputs: [input], columns, coerce: true, pii_policy: 'preserve' })
    const broken = new Map(
      scan.rejected.map(({ raw, reasons }) => [JSON.parse(raw!).n, { raw: JSON.parse(raw!).v, reasons }]),
    )
    const files = scan.result.accepted.map(({ file }) => quoteLiteral(file)).join(', ')
    const values =
      files === ''
        ? []
        : await engine.rows<{ n: number; v: string }>(
            `SELECT n, ${valueText(scalarOf(contractType(contract)), 'v')} AS v FROM read_parquet([${files}])`,
          )
    const byNumber = new Map(values.map(({ n, v }) => [n, v]))
    const seen = texts.map((_, i) => byNumber.get(i) ?? broken.get(String(i)))
    return { seen, coerced: scan.result.coerced }
  })
}

describe.each(rows)('$contract.type $contract.precision $contract.scale', ({ contract, pairs, others }) => {
  const type = scalarOf(contractType(contract))

  test('becomes what the table says, and was no value before', () => {
    expect(pairs.map(([from]) => coercedText(type, from))).toEqual(pairs.map(([, to]) => to))
    expect(pairs.map(([from, to]) => [acceptsText(type, from), acceptsText(type, to)])).toEqual(
      pairs.map(() => [false, true]),
    )
    expect(others.filter((spelling) => acceptsText(type, coercedText(type, spelling)))).toEqual([])
  })

  test('and the scan loads the same values, counts them, and keeps the text as it came', async () => {
    const plain = await scanned(
      contract,
      pairs.map(([, to]) => to),
    )
    expect(plain.coerced).toContainEqual({ column: 'v', count: 0 })
    const spelled = await scanned(
      contract,
      pairs.map(([from]) => from),
    )
    expect(spelled.seen).toEqual(plain.seen)
    expect(spelled.coerced).toContainEqual({ column: 'v', count: pairs.length })
    const refusals = await scanned(contract, others)
    expect(refusals.seen).toEqual(
      others.map((raw) => ({ raw, reasons: [expect.objectContaining({ column: 'v', rule: 'type' })] })),
    )
  })
})

test('every type that is coerced has a row in the table', () => {
  const named = new Set(rows.map(({ contract }) => contract.type))
  expect([...named].sort()).toEqual(
    [...new Set(types.filter(isCoercible).map(({ type }) => type))].toSorted(),
  )
})

describe.each(types.filter(isCoercible))('$type $precision $scale', (type) => {
  const spellings = [...(accepted[typeText(type)] ?? []), ...(refused[typeText(type)] ?? [])]

  async function engineSays(texts: readonly string[]): Promise<string[]> {
    return await pool.use(async (engine) => {
      const values = texts.map((each, i) => `(${i}, ${quoteLiteral(each)})`).join(', ')
      const found = await engine.rows<{ v: string }>(
        `SELECT ${coercedSql(type, 'raw')} AS v FROM (VALUES ${values}) t(i, raw) ORDER BY i`,
      )
      return found.map(({ v }) => v)
    })
  }

  test('a value stays as it is spelled', () => {
    const values = accepted[typeText(type)] ?? []
    expect(values.filter((value) => coercedText(type, value) !== value)).toEqual([])
  })

  test('JavaScript and the engine coerce alike, and twice is as good as once', async () => {
    const pieces = fc.constantFrom(...pieceOf(type))
    const made = fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join(''))
    const texts = [...spellings.filter((each) => each !== ''), ...fc.sample(made, 200)].filter(
      (each) => !/[\0\ufeff]/.test(each),
    )
    const here = texts.map((each) => coercedText(type, each))
    expect(await engineSays(texts)).toEqual(here)
    expect(here.map((each) => coercedText(type, each))).toEqual(here)
    expect(texts.filter((each, i) => acceptsText(type, each) && here[i] !== each)).toEqual([])
  })
})

/** Pieces of which texts near a value of the type are made. */
function pieceOf(type: ColumnType): readonly string[] {
  const common = [' ', '\t', '\n', '\u00a0', '.', '0', '00', '5', '-', '+', 'x', 'é']
  if (/date|time/.test(type.type))
    return [
      ...common,
      '2024-01-05',
      '2024/01/05',
      'T',
      't',
      '10:00',
      ':00',
      'Z',
      'z',
      'UTC',
      '+05',
      '.1234560',
    ]
  if (type.type === 'uuid')
    return [...common, 'a0eebc99', '9c0b', '4ef8', '6bb9bd380a11', '{', '}', 'urn:uuid:']
  return [...common, 'e5', '1_', ',', 'true', 'yes', 'N', '0x', '\\x', 'ff']
}
