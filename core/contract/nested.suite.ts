import fc from 'fast-check'
import type { ScalarType, ScalarTypeName } from './column-types.ts'
import { acceptsText } from './grammar.ts'
import type { MemberContract } from './types.ts'

/** `list<struct<a: integer, b: decimal(9,2)>>` as a contract, without rules. */
export function contractOf(text: string): MemberContract {
  const inside = /^(list|struct|map)<(.*)>$/s.exec(text.trim())
  if (inside === null) {
    const [, type, precision, scale] = /^(\w+)(?:\((\d+),(\d+)\))?$/.exec(text.trim()) as unknown as [
      string,
      ScalarTypeName,
      string | undefined,
      string,
    ]
    return precision === undefined ? { type } : { type, precision: Number(precision), scale: Number(scale) }
  }
  const parts = splitTypes(inside[2] as string)
  if (inside[1] === 'list') return { type: 'list', items: contractOf(parts[0] as string) }
  if (inside[1] === 'map') {
    return { type: 'map', keys: contractOf(parts[0] as string), values: contractOf(parts[1] as string) }
  }
  const fields = parts.map((part) => {
    const at = part.indexOf(':')
    return [part.slice(0, at).trim(), contractOf(part.slice(at + 1))] as const
  })
  return { type: 'struct', fields: Object.fromEntries(fields) }
}

function splitTypes(text: string): string[] {
  const parts = ['']
  let depth = 0
  for (const c of text) {
    if ('<('.includes(c)) depth++
    if ('>)'.includes(c)) depth--
    if (c === ',' && depth === 0) parts.push('')
    else parts[parts.length - 1] += c
  }
  return parts
}

/** JSON with what `JSON.parse` forgets: keys that are there twice, and how a number is spelled. */
export type Json =
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean' | 'number' | 'string'; readonly text: string }
  | { readonly kind: 'array'; readonly items: readonly Json[] }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [string, Json])[] }

/** `quoted` writes keys and strings. */
export function printJson(json: Json, quoted: (text: string) => string = JSON.stringify): string {
  switch (json.kind) {
    case 'null':
      return 'null'
    case 'array':
      return `[${json.items.map((item) => printJson(item, quoted)).join(',')}]`
    case 'object':
      return `{${json.entries.map(([key, value]) => `${quoted(key)}: ${printJson(value, quoted)}`).join(', ')}}`
    default:
      return json.kind === 'string' ? quoted(json.text) : json.text
  }
}

/** A JSON string of nothing but escapes, with white space around. */
export function escaped(text: string): string {
  const units = Array.from({ length: text.length }, (_, i) =>
    text.charCodeAt(i).toString(16).padStart(4, '0'),
  )
  return `\n"${units.map((hex) => `\\u${hex}`).join('')}"\t `
}

/**
 * The rules that a value breaks, as `path rule`, by a walk over it: what the engine's verdict is held against. It shares the
 * grammar of scalars with the product, which has an independent reader of its own, and nothing else.
 */
export function brokenRules(contract: MemberContract, json: Json, path: string): string[] {
  if (json.kind === 'null') return contract.nullable === false ? [`${path} nullable`] : []
  switch (contract.type) {
    case 'list':
      if (json.kind !== 'array') return [`${path} type`]
      return json.items.flatMap((item) => brokenRules(contract.items!, item, `${path}[]`))
    case 'struct': {
      if (json.kind !== 'object') return [`${path} type`]
      const names = json.entries.map(([name]) => name)
      const strange =
        new Set(names).size < names.length || names.some((n) => !Object.hasOwn(contract.fields!, n))
      const inside = Object.entries(contract.fields!).flatMap(([name, member]) => {
        const value = json.entries.find(([key]) => key === name)?.[1] ?? { kind: 'null' }
        return brokenRules(member, value as Json, `${path}.${name}`)
      })
      return [...(strange ? [`${path} type`] : []), ...inside]
    }
    case 'map': {
      if (json.kind !== 'object') return [`${path} type`]
      const keys = json.entries.map(([key]) => key)
      const good = keys.filter((key) => acceptsText(contract.keys as ScalarType, key))
      const values = good.map((key) => keyValue(contract.keys!, key))
      const twice = new Set(values).size < values.length
      return [
        ...(twice ? [`${path} type`] : []),
        ...keys.flatMap((key) => brokenScalar(contract.keys!, key, `${path}{key}`)),
        ...json.entries.flatMap(([, value]) => brokenRules(contract.values!, value, `${path}{value}`)),
      ]
    }
    case 'json':
      return json.kind !== 'string' || acceptsText({ type: 'json' }, json.text) ? [] : [`${path} type`]
    default: {
      if (json.kind === 'array' || json.kind === 'object') return [`${path} type`]
      const stringOnly = contract.type === 'string' || contract.type === 'binary'
      if (stringOnly && json.kind !== 'string') return [`${path} type`]
      return brokenScalar(contract, json.text, path)
    }
  }
}

function brokenScalar(contract: MemberContract, text: string, path: string): string[] {
  if (!acceptsText(contract as ScalarType, text)) return [`${path} type`]
  const below = contract.min !== undefined && Number(text) < Number(contract.min)
  const above = contract.max !== undefined && Number(text) > Number(contract.max)
  const unmatched = contract.pattern !== undefined && !new RegExp(`^(?:${contract.pattern})$`).test(text)
  return [
    ...(below ? [`${path} min`] : []),
    ...(above ? [`${path} max`] : []),
    ...(unmatched ? [`${path} pattern`] : []),
  ]
}

/** What is written of a value that breaks no rule, as the engine's rows have it. */
export function writtenValue(contract: MemberContract, json: Json): unknown {
  if (json.kind === 'null') return null
  switch (contract.type) {
    case 'list':
      return json.kind === 'array' ? json.items.map((item) => writtenValue(contract.items!, item)) : undefined
    case 'struct': {
      const values = new Map(json.kind === 'object' ? json.entries : [])
      const members = Object.entries(contract.fields!).map(([name, member]) => {
        return [name, writtenValue(member, values.get(name) ?? { kind: 'null' })] as const
      })
      return Object.fromEntries(members)
    }
    case 'map': {
      const entries = json.kind === 'object' ? json.entries : []
      return entries.map(([key, value]) => [
        writtenValue(contract.keys!, { kind: 'string', text: key }),
        writtenValue(contract.values!, value),
      ])
    }
    case 'json':
      return json.kind === 'string' ? json.text : JSON.stringify(JSON.parse(printJson(json)))
    default:
      return 'text' in json ? scalarValue(contract.type, json.text) : undefined
  }
}

function scalarValue(type: MemberContract['type'], text: string): unknown {
  switch (type) {
    case 'integer':
    case 'double':
      return Number(text)
    case 'boolean':
      return text.toLowerCase() === 'true'
    case 'decimal':
      return Number(text).toFixed(1)
    case 'binary':
      return Buffer.from(text, 'hex')
    case 'timestamp_tz':
      return new Date(text).toISOString().replace('T', ' ').replace('.000Z', '+00')
    default:
      return text
  }
}

/** Texts of one value are one key. */
function keyValue({ type }: MemberContract, text: string): string {
  return type === 'integer' ? String(BigInt(text.replace(/^\+/, ''))) : text
}

/** Contracts of every shape, with rules in them, at most four levels deep. */
export const contracts: fc.Arbitrary<MemberContract> = fc.letrec<{
  any: MemberContract
  nested: MemberContract
}>((tie) => {
  const nullable = fc.constantFrom({}, { nullable: false }, { nullable: true })
  const scalar = fc.oneof(
    fc.constantFrom<MemberContract>(
      { type: 'integer' },
      { type: 'integer', min: -2, max: 5 },
      { type: 'string' },
      { type: 'string', pattern: '[a-z]*' },
      { type: 'boolean' },
      { type: 'date' },
      { type: 'decimal', precision: 4, scale: 1, min: 0 },
      { type: 'double' },
      { type: 'uuid' },
      { type: 'binary' },
      { type: 'json' },
      { type: 'timestamp_tz' },
    ),
  )
  const keys = fc.constantFrom<MemberContract>(
    { type: 'string' },
    { type: 'string', pattern: '[a-z]+' },
    { type: 'integer', max: 5 },
    { type: 'date' },
  )
  const nested = fc.oneof(
    tie('any').map((items): MemberContract => ({ type: 'list', items })),
    fc
      .dictionary(fc.constantFrom('a', 'b', 'c_1', 'größe'), tie('any'), { minKeys: 1, maxKeys: 3 })
      .map((fields): MemberContract => ({ type: 'struct', fields })),
    fc.tuple(keys, tie('any')).map(([k, values]): MemberContract => ({ type: 'map', keys: k, values })),
  )
  const any = fc
    .tuple(fc.oneof({ maxDepth: 3, depthSize: 'small' }, scalar, tie('nested')), nullable)
    .map(([contract, more]) => ({ ...contract, ...more }))
  return { any, nested }
}).nested

const texts: Readonly<Record<string, readonly string[]>> = {
  integer: ['0', '5', '-2', '6', '007', '+1', 'x', '1.5', '99999999999'],
  string: ['', 'abc', 'A', '5', '[1]', '"', 'null', 'é', '\\', 'inf,]'],
  boolean: ['true', 'FALSE', '1'],
  date: ['2024-02-29', '2023-02-29', '2024-1-1'],
  decimal: ['1.5', '-1.5', '999.9', '1000', '1.25'],
  double: ['1e3', 'nan', '0.5'],
  uuid: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99'],
  binary: ['', '0aFF', '0'],
  json: ['{"a":1}', '1.50', 'x', '[1,]'],
  timestamp_tz: ['2024-01-05T10:00:00Z', '2024-01-05T10:00+01:00', '2024-01-05T10:00:00'],
}

const bare = fc.constantFrom<Json>(
  { kind: 'null' },
  { kind: 'number', text: '5' },
  { kind: 'number', text: '-3' },
  { kind: 'number', text: '1.5' },
  { kind: 'number', text: '12' },
  { kind: 'boolean', text: 'true' },
  { kind: 'boolean', text: 'false' },
  { kind: 'array', items: [] },
  { kind: 'object', entries: [] },
)

/** JSON that mostly has the contract's shape, with values and members that are wrong here and there. */
export function jsonOf(contract: MemberContract): fc.Arbitrary<Json> {
  const other = { weight: 1, arbitrary: bare }
  const array = (item: fc.Arbitrary<Json>) => fc.array(item, { maxLength: 3 })
  switch (contract.type) {
    case 'list':
      return fc.oneof(other, {
        weight: 8,
        arbitrary: array(jsonOf(contract.items!)).map((items) => ({ kind: 'array' as const, items })),
      })
    case 'struct': {
      const members = Object.entries(contract.fields!).map(([name, member]) =>
        fc.oneof(
          { weight: 1, arbitrary: fc.constantFrom(undefined, [name, { kind: 'null' }] as const) },
          { weight: 4, arbitrary: jsonOf(member).map((value) => [name, value] as const) },
        ),
      )
      const names = fc.constantFrom(undefined, undefined, undefined, undefined, 'a', 'A', 'b', 'zz')
      const entries = fc.tuple(names, bare, fc.boolean(), ...members).map(([name, value, first, ...own]) => {
        const known = own.filter((entry) => entry !== undefined)
        const strange = name === undefined ? [] : [[name, value] as const]
        return { kind: 'object' as const, entries: first ? [...strange, ...known] : [...known, ...strange] }
      })
      return fc.oneof(other, { weight: 8, arbitrary: entries })
    }
    case 'map': {
      const entry = fc.tuple(fc.constantFrom(...texts[contract.keys!.type]!), jsonOf(contract.values!))
      const entries = fc.array(entry, { maxLength: 3 })
      return fc.oneof(other, {
        weight: 8,
        arbitrary: entries.map((list) => ({ kind: 'object' as const, entries: list })),
      })
    }
    default: {
      const strings = fc.constantFrom(...texts[contract.type]!)
      const string = strings.map((text) => ({ kind: 'string' as const, text }))
      return fc.oneof(other, { weight: 6, arbitrary: string })
    }
  }
}
