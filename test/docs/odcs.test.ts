import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { typeText } from '../../core/contract/column-types.ts'
import { contractType } from '../../core/contract/nested-contract.ts'
import { columnTypeOf } from '../../core/manifest/odcs/column-type.ts'
import {
  argumentKeys,
  fileKeys,
  optionKeys,
  propertyKeys,
  qualityKeys,
  relationshipKeys,
  schemaKeys,
  type Words,
} from '../../core/manifest/odcs/words.ts'

/** docs/odcs.md and the lists of core/manifest/odcs say the same, key by key. */
const text = readFileSync(new URL('../../docs/odcs.md', import.meta.url), 'utf8')

function rowsUnder(heading: string): string[][] {
  const section = text.slice(text.indexOf(`\n${heading}\n`) + 1).split('\n## ')[0] as string
  const table = section.slice(section.indexOf('\n|')).trim().split('\n\n')[0] as string
  return table
    .split('\n')
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

function words(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string)
}

function kindOf(becomes: string): string {
  return /^no effect/.test(becomes) ? 'none' : /^refused/.test(becomes) ? 'refused' : 'taken'
}

function fates(known: Words): Record<string, string> {
  const entries = Object.entries(known).map(
    ([key, fate]) => [key, typeof fate === 'string' ? fate : 'refused'] as const,
  )
  return Object.fromEntries(entries)
}

it.each([
  ['## Keys of the file', fileKeys],
  ['## Keys of a schema', schemaKeys],
  ['## Keys of a property', propertyKeys],
  ['## Keys of a quality rule', qualityKeys],
  ['## Relationships', relationshipKeys],
] as const)('%s', (heading, known) => {
  const told = rowsUnder(heading).flatMap(([keys, becomes]) =>
    words(keys as string).map((key) => [key, kindOf(becomes as string)] as const),
  )
  expect(told.length).toBe(Object.keys(known).length)
  expect(Object.fromEntries(told)).toEqual(fates(known))
})

it('## Keys of logicalTypeOptions', () => {
  const told: Record<string, Record<string, string>> = { boolean: {} }
  for (const [types, keys, becomes] of rowsUnder('## Keys of logicalTypeOptions')) {
    for (const type of words(types as string)) {
      told[type] ??= {}
      for (const key of words(keys as string)) told[type][key] = kindOf(becomes as string)
    }
  }
  expect(told).toEqual(
    Object.fromEntries(Object.entries(optionKeys).map(([type, keys]) => [type, fates(keys)])),
  )
})

it('every metric of the standard is in the table', () => {
  const table = text.slice(text.indexOf('| metric | of |')).split('\n\n')[0] as string
  const told = table.split('\n').slice(2)
  expect([...new Set(told.flatMap((line) => words(line.split('|')[1] ?? '')))].sort()).toEqual(
    Object.keys(argumentKeys).sort(),
  )
})

describe('## Types', () => {
  it.each(rowsUnder('## Types'))('%s with %s becomes %s', (logicalType, withKeys, becomes) => {
    const options: Record<string, string> = Object.fromEntries(
      words(withKeys).map((each) => /^(\w+): (.*)$/.exec(each)!.slice(1, 3)),
    )
    const found = columnTypeOf({
      logicalType: words(logicalType)[0],
      physicalType: options.physicalType,
      format: options.format,
      timezone: options.timezone === undefined ? undefined : options.timezone === 'true',
    })
    if ('message' in found) expect(becomes).toBe('refused')
    else if (found.type.type === 'list' || found.type.type === 'struct') {
      expect(becomes).toMatch(new RegExp(`^\`${found.type.type}\`, of its `))
    } else {
      const range = found.max === undefined ? '' : `, ${found.min} to ${found.max}`
      expect(`\`${typeText(contractType(found.type))}\`${range}`).toBe(becomes.replace(/, and .*/, ''))
    }
  })
})
