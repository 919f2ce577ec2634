import { createHash } from 'node:crypto'
import fc from 'fast-check'
import jsonata from 'jsonata'
import { describe, expect, it } from 'vitest'
import { type Bindings, compileExpression } from './expression.ts'

const bindings = (
  input: unknown,
  variables: Record<string, unknown> = {},
  random = () => 0.25,
): Bindings => ({
  variables,
  states: { input },
  context: () => ({ State: { Name: 'A' } }),
  random,
})
const run = async (source: string, input: unknown = {}, variables: Record<string, unknown> = {}) =>
  compileExpression(source, 'Output').evaluate(bindings(input, variables))

describe('an expression', () => {
  it('of plain steps gives what the query engine gives', async () => {
    const names = ['a', 'b', 'length', 'constructor', '__proto__', 'sequence']
    const key = fc.constantFrom(...names)
    const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null))
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'length', 'sequence'), tie('tree'), { maxKeys: 3 }),
      ),
    }))
    await fc.assert(
      fc.asyncProperty(tree, fc.array(key, { maxLength: 3 }), async (input, path) => {
        const steps = path.filter((name) => name !== 'constructor' && name !== '__proto__')
        const source = ['$states.input', ...steps].join('.')
        const expected = await jsonata(source).evaluate(undefined, { states: { input } })
        const actual = await Promise.resolve(run(source, input)).catch((error: Error) => error)
        if (expected === undefined) expect(actual).toBeInstanceOf(Error)
        else expect(actual).toEqual(JSON.parse(JSON.stringify(expected)))
      }),
      { numRuns: 500 },
    )
  })

  it('that compares with a literal, or is one, gives what the query engine gives', async () => {
    const scalar = fc.oneof(fc.integer(), fc.constantFrom('a', 'b', ''), fc.boolean(), fc.constant(null))
    const value = fc.oneof(
      scalar,
      fc.array(scalar, { maxLength: 2 }),
      fc.constant(undefined),
      fc.constant({ b: 1 }),
    )
    const operator = fc.constantFrom('=', '!=', '<', '<=', '>', '>=')
    const literal = fc.oneof(fc.nat(3), fc.constantFrom('"a"', "'b'", '""', 'true', 'null', '-1', '0.5'))
    await fc.assert(
      fc.asyncProperty(value, operator, literal, async (a, op, right) => {
        const input = JSON.parse(JSON.stringify({ a }))
        for (const source of [`$states.input.a ${op} ${right}`, String(right)]) {
          const expected = await jsonata(source)
            .evaluate(undefined, { states: { input } })
            .catch(() => undefined)
          const actual = await Promise.resolve(run(source, input)).catch((error: Error) => error)
          if (expected === undefined) expect(actual).toBeInstanceOf(Error)
          else expect(actual).toBe(expected)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('never reaches into prototypes', async () => {
    await expect(run('$states.input.constructor')).rejects.toThrow('returned nothing')
    await expect(run('$states.input.a.toString', { a: {} })).rejects.toThrow('returned nothing')
  })

  it('gives lists without the marks of the query engine', async () => {
    const value = (await run('$states.input.l.v', { l: [{ v: 1 }, { v: 2 }] })) as unknown[]
    expect(Object.getOwnPropertyNames(value)).toEqual(['0', '1', 'length'])
    const made = (await run('[1, [2]]')) as unknown[]
    expect(Object.getOwnPropertyNames(made)).toEqual(['0', '1', 'length'])
    expect(Object.getOwnPropertyNames(made[1])).toEqual(['0', 'length'])
  })

  it('does not change its input', async () => {
    const input = { l: [3, 1, 2], o: { a: 1 } }
    const before = structuredClone(input)
    await run('$sort($states.input.l)', input)
    await run("$states.input ~> |o|{'a': 2}|", input)
    await run('$append($states.input.l, 4)', input)
    expect(input).toEqual(before)
  })

  it('sees $states as a whole', async () => {
    expect(await run('$keys($states)')).toEqual(['input', 'context'])
    expect(await run('$states.context.State.Name')).toBe('A')
    expect(await run('$states', 1)).toEqual({ input: 1, context: { State: { Name: 'A' } } })
  })

  it('runs beside itself', async () => {
    const expression = compileExpression('$states.input + $sum([1..$states.input])', 'Output')
    const values = await Promise.all(Array.from({ length: 50 }, (_, i) => expression.evaluate(bindings(i))))
    expect(values).toEqual(Array.from({ length: 50 }, (_, i) => i + (i * (i + 1)) / 2))
  })
})

describe('the functions that Step Functions adds', () => {
  it.each([
    ['$partition([1,2,3,4], 3)', [[1, 2, 3], [4]]],
    ['$partition([0], 5)', [[0]]],
    ['$range(1, 9, 2)', [1, 3, 5, 7, 9]],
    ['$range(5, 1, -2)', [5, 3, 1]],
    ['$range(1, 0, 1)', []],
    ['$parse(\'{"a":[1,null]}\')', { a: [1, null] }],
    ["$hash('input', 'SHA-1')", createHash('sha1').update('input').digest('hex')],
    ["$hash('input', 'SHA-256')", createHash('sha256').update('input').digest('hex')],
    ["$hash('input', 'MD5')", createHash('md5').update('input').digest('hex')],
    ['$random()', 0.25],
    ['$random(7) = $random(7)', true],
    ['$random(7) = $random(8)', false],
    [
      '$match($uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/) ~> $exists()',
      true,
    ],
  ])('%s', async (source, expected) => {
    expect(await run(source)).toEqual(expected)
  })

  it.each([
    ['$partition(1, 2)', 'takes an array'],
    ['$partition([1], 0)', 'positive integer'],
    ['$range(1, 5, 0)', 'must not be 0'],
    ['$range(1, 1e9, 1)', 'more than 10000000'],
    ["$hash('x', 'CRC')", '$hash knows MD5'],
    ["$parse('{')", '$parse'],
    ["$random('x')", 'takes a number'],
  ])('%s is refused', async (source, message) => {
    await expect(run(source)).rejects.toThrow(message)
  })
})
