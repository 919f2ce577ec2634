import { describe, expect, test } from 'vitest'
import { quoteLiteral } from '../engine/sql.ts'
import { typeText } from './column-types.ts'
import { accepted, types } from './grammar.suite.ts'
import { typedText } from './grammar.ts'
import { ruleLiteral } from './rules.ts'
import { openTestPool } from './scan.suite.ts'

const pool = openTestPool(1)

describe.each(types)('$type $precision $scale', (type) => {
  test('every spelling of a value is a constant of a rule, and the value of the text', async () => {
    const texts = accepted[typeText(type)] ?? []
    const pairs = texts.map((text) => {
      const literal = quoteLiteral(text)
      return `coalesce(${ruleLiteral(type, text)} = ${typedText(type, literal)}, false)`
    })
    if (pairs.length === 0) return
    const [row] = await pool.use((engine) =>
      engine.rows<{ same: boolean[] }>(`SELECT [${pairs.join(', ')}] AS same`),
    )
    expect(texts.filter((_, i) => row!.same[i] !== true)).toEqual([])
  })
})
