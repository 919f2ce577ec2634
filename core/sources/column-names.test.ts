import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TerminalError } from '../errors.ts'
import { columnName, columnNames } from './column-names.ts'

describe('columnName', () => {
  it.each([
    ['Delay', 'delay', 'delay'],
    ['OrderID', 'orderid', 'order_id'],
    ['HTTPServerName', 'httpservername', 'http_server_name'],
    ['Order Date', 'order_date', 'order_date'],
    ['  a--b  ', 'a_b', 'a_b'],
    ['2024 total', '_2024_total', '_2024_total'],
    ['_Kept As-Is', '_Kept As-Is', '_Kept As-Is'],
    ['İstanbul', 'i_stanbul', 'i_stanbul'],
    ['größe', 'gr_e', 'gr_e'],
    ['€€€', '€€€', '€€€'],
    ['a1B2', 'a1b2', 'a1_b2'],
  ])('%s', (name, lower, snake) => {
    expect(columnName(name, 'lower')).toBe(lower)
    expect(columnName(name, 'snake')).toBe(snake)
  })

  it('leaves a name that it has made as it is', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('lower' as const, 'snake' as const), (name, mode) => {
        const once = columnName(name, mode)
        expect(columnName(once, mode)).toBe(once)
      }),
    )
  })
})

describe('columnNames', () => {
  it('refuses two columns that would have one name, and names both', () => {
    expect(() => columnNames(['a b', 'a-b', 'c'], 'lower')).toThrow(/"a b", "a-b" would all be called a_b/)
  })

  it('refuses names that differ by case only', () => {
    expect(() => columnNames(['_A', '_a'], 'lower')).toThrow(TerminalError)
  })

  it('refuses the reserved prefix', () => {
    expect(() => columnNames(['_sluice_run_id'], 'lower')).toThrow(/keeps for its own columns/)
  })
})
