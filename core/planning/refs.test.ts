import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRefs, refTables, renderTransformSql } from './refs.ts'

describe('parseRefs', () => {
  test('takes both quotes and any white space, and keeps positions', () => {
    const sql = `SELECT * FROM {{ref('a.b')}}\nJOIN {{  ref ( "c.d" )\n}} USING (x)`
    expect(parseRefs(sql)).toEqual({
      refs: [
        { table: 'a.b', line: 1, column: 15, start: 14, end: 28 },
        { table: 'c.d', line: 2, column: 6, start: 34, end: 54 },
      ],
      mistakes: [],
    })
  })

  test.each([
    ["{{ var('x') }}", "`{{ var('x') }}` is not a reference"],
    ["{{ ref('a.b', 1) }}", "`{{ ref('a.b', 1) }}` is not a reference"],
    ['{{ ref(a.b) }}', '`{{ ref(a.b) }}` is not a reference'],
    ['{{ ref(\'a.b") }}', '`{{ ref(\'a.b") }}` is not a reference'],
    ["{{ REF('a.b') }}", "`{{ REF('a.b') }}` is not a reference"],
    ['{{ }}', '`{{  }}` is not a reference'],
    ["{{ ref('b') }}", '`b` cannot be a table'],
    ["{{ ref('a.b.c') }}", '`a.b.c` cannot be a table'],
    ["{{ ref('a.1') }}", '`a.1` cannot be a table'],
    ["{{ ref('a.b')", '`{{` is not closed'],
  ])('%s is refused with its position', (template, message) => {
    const { refs, mistakes } = parseRefs(`SELECT 1\nFROM ${template}`)
    expect(refs).toEqual([])
    expect(mistakes).toEqual([{ line: 2, column: 6, message, hint: expect.any(String) }])
  })

  test('single braces are SQL, and everything after a mistake is still looked at', () => {
    const { refs, mistakes } = parseRefs("SELECT {'a': {'b': 1}} FROM {{ x }}, {{ ref('a.b') }}, {{ y }}")
    expect(refs.map(({ table }) => table)).toEqual(['a.b'])
    expect(mistakes.map(({ column }) => column)).toEqual([29, 56])
  })
})

describe('renderTransformSql', () => {
  test('replaces references by quoted relations and nothing else', () => {
    const sql = `SELECT '{}' FROM {{ ref('a.b') }} x JOIN {{ ref("a.b") }} y, {{ ref('c.d') }}`
    const relations: Record<string, string> = { 'a.b': 'r"1', 'c.d': 'r2' }
    expect(renderTransformSql(sql, (table) => relations[table])).toBe(
      `SELECT '{}' FROM "r""1" x JOIN "r""1" y, "r2"`,
    )
  })

  test('fails closed on a table without a relation and on a text that was never checked', () => {
    expect(() => renderTransformSql("FROM {{ ref('a.b') }}", () => undefined)).toThrow(
      expect.objectContaining({ name: 'TerminalError', code: 'TRANSFORM_REF_UNKNOWN' }),
    )
    expect(() => renderTransformSql('FROM {{ a }}', () => 'x')).toThrow(
      expect.objectContaining({ name: 'TerminalError', code: 'TRANSFORM_REF_INVALID' }),
    )
  })

  test('text without references stays as it is, whatever it holds; references come back in order', () => {
    const text = fc.string({ unit: 'grapheme' }).map((part) => part.replaceAll('{', '').replaceAll('}', ''))
    const table = fc.constantFrom('a.b', 'c.d', 'e_1.f_2')
    fc.assert(
      fc.property(fc.array(fc.tuple(text, table)), text, (parts, tail) => {
        const sql = parts.map(([before, name]) => `${before}{{ ref('${name}') }}`).join('') + tail
        const expected = parts.map(([before, name]) => `${before}"${name}"`).join('') + tail
        expect(renderTransformSql(sql, (name) => name)).toBe(expected)
        expect(refTables(sql)).toEqual([...new Set(parts.map(([, name]) => name))])
      }),
    )
  })
})
