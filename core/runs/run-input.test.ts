import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRunInput } from './run-input.ts'
import { runInputKeys, runInputSchema, runInputSchemaText } from './run-input-schema.ts'

const ref = { key: `manifests/${'a'.repeat(64)}.json`, size: 10, sha256: 'a'.repeat(64) }

describe('the input of an execution', () => {
  it('may be empty', () => {
    expect(parseRunInput({})).toMatchObject({ resume: false, options: { max_workers: 8, retry_count: 0 } })
  })

  it('names a project or a manifest, and not both', () => {
    expect(parseRunInput({ project: 'shop' })).toMatchObject({ project: 'shop' })
    expect(parseRunInput({ manifest: ref })).toMatchObject({ manifest: ref })
    expect(() => parseRunInput({ project: 'shop', manifest: ref })).toThrow(/give one of them/)
  })

  it('tells all that is wrong at once, and what was meant', () => {
    expect(() => parseRunInput({ projct: 'shop', stage: [], resume: 'yes', max_workers: 0 })).toThrow(
      /no option projct \(did you mean `project`\?\); stage is \[\].*max_workers must be.*resume must be/,
    )
  })

  it('goes on with a run as it was planned, so that nothing else can be said of it', () => {
    expect(parseRunInput({ run_id: 'r1', resume: true })).toMatchObject({ run_id: 'r1', resume: true })
    expect(() => parseRunInput({ resume: true })).toThrow(/needs the run_id/)
    expect(() => parseRunInput({ run_id: 'r1', resume: true, retry_count: 1, project: 'x' })).toThrow(
      /so retry_count, project cannot be given/,
    )
  })

  it('is never a dry run, for nobody would see the plan', () => {
    for (const dry_run of [true, false]) expect(() => parseRunInput({ dry_run })).toThrow(/sluice plan/)
  })

  it('is an object', () => {
    for (const input of [null, [], 'x', 1]) expect(() => parseRunInput(input)).toThrow(/input is an object/)
  })
})

/** The keywords that the schema uses; an unknown one fails the test rather than being passed over. */
type Schema = Readonly<Record<string, unknown>>

function accepts(schema: Schema, value: unknown): boolean {
  return Object.entries(schema).every(([keyword, operand]) => keywordHolds(schema, keyword, operand, value))
}

function keywordHolds(schema: Schema, keyword: string, operand: unknown, value: unknown): boolean {
  const members = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  const properties = (schema.properties ?? {}) as Readonly<Record<string, Schema>>
  switch (keyword) {
    case '$schema':
    case 'title':
    case 'description':
    case 'default':
    case 'then':
      return true
    case 'type':
      return typeOf(value, operand as string)
    case 'const':
      return value === operand
    case 'minimum':
      return typeof value !== 'number' || value >= (operand as number)
    case 'maximum':
      return typeof value !== 'number' || value <= (operand as number)
    case 'minLength':
      return typeof value !== 'string' || value.length >= (operand as number)
    case 'pattern':
      return typeof value !== 'string' || new RegExp(operand as string, 'u').test(value)
    case 'items':
      return !Array.isArray(value) || value.every((each) => accepts(operand as Schema, each))
    case 'contains':
      return !Array.isArray(value) || value.some((each) => accepts(operand as Schema, each))
    case 'anyOf':
      return (operand as Schema[]).some((each) => accepts(each, value))
    case 'not':
      return !accepts(operand as Schema, value)
    case 'if':
      return !accepts(operand as Schema, value) || accepts(schema.then as Schema, value)
    case 'required':
      return members === undefined || (operand as string[]).every((name) => Object.hasOwn(members, name))
    case 'properties':
      return Object.entries(members ?? {}).every(
        ([name, each]) => !Object.hasOwn(properties, name) || accepts(properties[name] as Schema, each),
      )
    case 'additionalProperties':
      return Object.keys(members ?? {}).every((name) => Object.hasOwn(properties, name))
    default:
      throw new Error(`the schema uses ${keyword}, which this test does not know`)
  }
}

function typeOf(value: unknown, type: string): boolean {
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  return typeof value === type
}

describe('schema/run-input.schema.json', () => {
  it('is what the generator gives (node core/runs/write-run-input-schema.ts)', () => {
    const file = readFileSync(new URL('../../schema/run-input.schema.json', import.meta.url), 'utf8')
    expect(file).toBe(runInputSchemaText())
  })

  it('accepts what the plan accepts, and nothing else', () => {
    const text = fc.oneof(
      fc.constantFrom('shop', '', ' ', ',', 'a,b', ' , x', 'r-1', '-r', 'x'.repeat(81), 'a\nb', '\u3000'),
      fc.string({ maxLength: 4 }),
    )
    const anything = fc.oneof(
      text,
      fc.array(fc.oneof(text, fc.constant(1)), { maxLength: 3 }),
      fc.constantFrom(0, -1, 1, 8, 1.5, 60, 61, 100, 101, 1000, 1001, true, false, null),
      fc.constantFrom(ref, { ...ref, size: -1 }, { ...ref, more: 1 }, { ...ref, key: 'plans/x' }, {}),
    )
    const key = fc.constantFrom(...runInputKeys, ...runInputKeys, 'dry_run', 'bogus', 'toString')
    // As it comes over the wire, where no key is inherited.
    const input = fc.dictionary(key, anything, { maxKeys: 3, noNullPrototype: true })
    let accepted = 0
    fc.assert(
      fc.property(input, (given) => {
        const expected = accepts(runInputSchema() as Schema, given)
        if (expected) accepted += 1
        if (expected) expect(() => parseRunInput(given)).not.toThrow()
        else expect(() => parseRunInput(given)).toThrow()
      }),
      { numRuns: 3000 },
    )
    expect(accepted).toBeGreaterThan(100)
  })
})
