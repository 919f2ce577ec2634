import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type ScalarType, scalarOf, scalarTypeNames } from '../../core/contract/column-types.ts'
import { acceptsText, textVerdict, typedText } from '../../core/contract/grammar.ts'
import { contractOf } from '../../core/contract/nested.suite.ts'
import { contractType } from '../../core/contract/nested-contract.ts'
import { reasonCodes } from '../../core/contract/rule-names.ts'
import { columnsOf, csvInput, openTestPool, scanAll } from '../../core/contract/scan.suite.ts'
import { quoteLiteral } from '../../core/engine/sql.ts'

const pool = openTestPool(1)

/** The spellings in docs/contracts.md are what the grammar and the engine say, each of them. */
const text = readFileSync(new URL('../../docs/contracts.md', import.meta.url), 'utf8')
const table = text.slice(text.indexOf('| type | accepted | refused |')).split('\n\n')[0] as string
const rows = table
  .split('\n')
  .slice(2)
  .map((line) => line.split('|').slice(1, -1).map(spellings) as [string[], string[], string[]])

function spellings(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string)
}

function typeOf(name: string): ScalarType {
  const [, type, precision, scale] = /^(\w+)(?:\((\d+),(\d+)\))?$/.exec(name) as unknown as [
    string,
    'decimal',
    string,
    string,
  ]
  return scalarOf(
    contractType(
      precision === undefined ? { type } : { type, precision: Number(precision), scale: Number(scale) },
    ),
  )
}

describe.each(rows)('%s', ([name], accepted, refused) => {
  it.each(accepted.length === 0 ? ['anything'] : accepted)('accepts %j', (spelling) => {
    expect(acceptsText(typeOf(name as string), spelling)).toBe(true)
  })
  for (const spelling of refused) {
    it(`refuses ${JSON.stringify(spelling)}`, () =>
      expect(acceptsText(typeOf(name as string), spelling)).toBe(false))
  }
})

it('the engine says the same of all of them', async () => {
  const judged = rows.flatMap(([[name], accepted, refused]) =>
    [...accepted, ...refused].map((text, i) => {
      const type = typeOf(name as string)
      const typed = `(SELECT ${typedText(type, 'raw')} AS typed, raw FROM (SELECT ${quoteLiteral(text)} AS raw))`
      return {
        text,
        wanted: i < accepted.length,
        sql: `SELECT ${textVerdict(type, 'raw', 'typed')} AS ok FROM ${typed}`,
      }
    }),
  )
  expect(judged.length).toBeGreaterThan(300)
  const found = await pool.use(async (engine) => {
    const verdicts: unknown[] = []
    for (const { sql } of judged) verdicts.push((await engine.rows(sql))[0]?.ok)
    return verdicts
  })
  expect(judged.filter(({ wanted }, i) => found[i] !== wanted).map(({ text }) => text)).toEqual([])
})

it('has a row for every scalar type', () => {
  const named = rows.map(([[name]]) => (name as string).replace(/\(.*/, ''))
  expect([...new Set(named)].sort()).toEqual([...scalarTypeNames].sort())
})

describe('nested types', () => {
  const found = text.slice(text.indexOf('| nested type | accepted | refused |')).split('\n\n')[0] as string
  const cases = found
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const [type, accepted, refused] = line.split('|').slice(1, -1).map(spellings) as [
        string[],
        string[],
        string[],
      ]
      const column = contractOf(type[0] as string)
      return [accepted, refused].flatMap((list, i) =>
        list.map((spelling) => ({ column, spelling, wanted: i === 0 })),
      )
    })

  it('are judged as the table says, each spelling', async () => {
    expect(cases.length).toBeGreaterThan(60)
    const judged = await pool.use(async (engine) => {
      const verdicts: boolean[] = []
      for (const { column, spelling } of cases) {
        const { rejected } = await scanAll(engine, {
          inputs: [csvInput(engine, `c\n"${spelling.replaceAll('"', '""')}"\n`, ['c'])],
          columns: columnsOf({ c: column }),
        })
        verdicts.push(rejected.length === 0)
      }
      return verdicts
    })
    const wrong = cases.filter(({ wanted }, i) => judged[i] !== wanted)
    expect(wrong.map(({ column, spelling }) => `${column.type} ${spelling}`)).toEqual([])
  })
})

it('names every reason for which a row can be rejected or counted', () => {
  const counted = text.slice(text.indexOf('## What is counted'))
  const listed = counted.slice(counted.indexOf('| `rule` |')).split('\n\n')[0] as string
  const named = listed
    .split('\n')
    .slice(2)
    .flatMap((line) => spellings(line.split('|')[1] as string))
  expect(named.toSorted()).toEqual(Object.keys(reasonCodes).toSorted())
})
