import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { acceptsText } from '../../core/contract/grammar.ts'
import { type ColumnType, contractType, typeNames } from '../../core/contract/types.ts'

/** The spellings in docs/contracts.md are what the grammar says, each of them. */
const text = readFileSync(new URL('../../docs/contracts.md', import.meta.url), 'utf8')
const table = text.slice(text.indexOf('| type | accepted | refused |')).split('\n\n')[0] as string
const rows = table
  .split('\n')
  .slice(2)
  .map((line) => line.split('|').slice(1, -1).map(spellings) as [string[], string[], string[]])

function spellings(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string)
}

function typeOf(name: string): ColumnType {
  const [, type, precision, scale] = /^(\w+)(?:\((\d+),(\d+)\))?$/.exec(name) as unknown as [
    string,
    'decimal',
    string,
    string,
  ]
  return contractType(
    precision === undefined ? { type } : { type, precision: Number(precision), scale: Number(scale) },
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

it('has a row for every type', () => {
  const named = rows.map(([[name]]) => (name as string).replace(/\(.*/, ''))
  expect([...new Set(named)].sort()).toEqual([...typeNames].sort())
})
