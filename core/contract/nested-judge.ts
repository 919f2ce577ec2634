import { quoteLiteral } from '../engine/sql.ts'
import { type DuckdbType, parseDuckdbType } from './duckdb-type.ts'
import { jsonVerdict, textVerdict, typedText } from './grammar.ts'
import { place as step } from './nested-contract.ts'
import { allOf, extract, isKind, literal, parameter } from './nested-sql.ts'
import { judgeInput } from './typed-input.ts'
import type { ColumnType, ListType, MapType, NestedType, ScalarType, StructType } from './types.ts'
import { isNested, sqlType } from './types.ts'

/**
 * One place of a nested column (the column, an item, a member, a key, a value) as SQL. The input is taken apart
 * once, into a `form`: a nested value of the type's shape whose leaves hold the raw and the typed value beside each
 * other. Verdicts, rules and the value that is written are all read from the form, so that they cannot disagree.
 */
export interface Place {
  readonly type: ColumnType
  /** SQL of the form over the raw expression, which is named several times and should be a name itself. */
  readonly form: (raw: string) => string
  /** SQL over a form: whether this very place is of its type, true or false. `undefined`: always. */
  readonly verdict: (form: string) => string | undefined
  /** Why it is not, where there is more to say than its type. */
  readonly message?: string
  /** SQL over a form, true or false. */
  readonly isNull: (form: string) => string
  /** SQL over a form: the value to write. */
  readonly value: (form: string) => string
  /** Of a scalar: what its raw value is, and where raw and typed value stand. */
  readonly leaf?: {
    readonly input: string
    readonly raw: (form: string) => string
    readonly typed: (form: string) => string
  }
  readonly parts: readonly Part[]
}

/** What lies directly in a place. */
export interface Part {
  readonly place: Place
  /** Where the contract has its rules: `items`, `keys`, `values`, or the member of this name in `fields`. */
  readonly key: 'items' | 'keys' | 'values' | { readonly member: string }
  readonly path: (path: string) => string
  /** SQL over a form, true or false: whether `holds` of every form of this part in it. */
  readonly all: (form: string, holds: (part: string) => string) => string
}

/**
 * The root. `input` is `text` (one JSON text) or a DuckDB type. Text and JSON go through the lexical grammar of every
 * scalar in them, other inputs through casts that survive the way back.
 */
export function nestedPlace(type: NestedType, input: string): Place {
  return typedPlace(type, parseDuckdbType(input === 'text' ? 'VARCHAR' : input), 0)
}

function typedPlace(type: ColumnType, input: DuckdbType, depth: number): Place {
  if (!isNested(type)) return typedLeaf(type, input.kind === 'scalar' ? input.text : shapes[input.kind])
  if (input.kind === 'scalar') {
    return input.text === 'VARCHAR' || input.text === 'JSON' ? jsonText(type, depth) : noValue(type)
  }
  if (type.type === 'list' && input.kind === 'list') {
    const items = typedPlace(type.items, input.items, depth + 1)
    const e = parameter(depth)
    return list(type, items, depth, (raw) =>
      literal({ v: `list_transform(${raw}, lambda ${e}: ${items.form(e)})` }),
    )
  }
  if (type.type === 'map' && input.kind === 'map') {
    const keys = typedPlace(type.keys, input.keys, depth + 1)
    const values = typedPlace(type.values, input.values, depth + 1)
    const e = parameter(depth)
    const entry = literal({ k: keys.form(extract(e, 'key')), v: values.form(extract(e, 'value')) })
    const form = (raw: string) =>
      literal({
        w: 'false',
        v: `CASE WHEN ${raw} IS NOT NULL THEN list_transform(map_entries(${raw}), lambda ${e}: ${entry}) END`,
      })
    return map(type, keys, values, depth, form)
  }
  return type.type === 'struct' && input.kind === 'struct'
    ? typedStruct(type, input.fields, depth)
    : noValue(type)
}

const shapes = { list: 'LIST[]', struct: 'STRUCT()', map: 'MAP()' } as const

/** A member that the type does not have may be there as long as it is NULL: the file's schema has it, not the value. */
function typedStruct(
  type: StructType,
  fields: Extract<DuckdbType, { kind: 'struct' }>['fields'],
  depth: number,
): Place {
  const members = type.fields.map((member) => {
    const field = fields.find(({ name }) => name === member.name)
    const place = field === undefined ? absent(member.type) : typedPlace(member.type, field.type, depth + 1)
    return { name: member.name, place }
  })
  const others = fields.filter(({ name }) => !type.fields.some((member) => member.name === name))
  const form = (raw: string) => {
    const inside = members.map(({ name, place }) => [name, place.form(extract(raw, name))] as const)
    const unknown = others.map(({ name }) => `${extract(raw, name)} IS NOT NULL`)
    return literal({
      w: unknown.length === 0 ? 'false' : `(${unknown.join(' OR ')})`,
      v: `CASE WHEN ${raw} IS NOT NULL THEN ${literal(Object.fromEntries(inside))} END`,
    })
  }
  return struct(type, members, form)
}

const rawOf = (form: string) => extract(form, 'r')
const typedOf = (form: string) => extract(form, 't')
const wrong = (form: string) => extract(form, 'w')
const inside = (form: string) => extract(form, 'v')
/** A form is NULL where JSON has null, and holds nothing where the value is NULL or none of its type. */
const notWrong = (form: string) => `coalesce(NOT ${wrong(form)}, true)`
const isNull = (form: string) => `(${inside(form)} IS NULL AND ${notWrong(form)})`

function leaf(type: ScalarType, input: string, form: Place['form'], verdict: Place['verdict']): Place {
  return {
    type,
    form,
    verdict,
    isNull: (f) => `(${rawOf(f)} IS NULL)`,
    value: typedOf,
    leaf: { input, raw: rawOf, typed: typedOf },
    parts: [],
  }
}

function typedLeaf(type: ScalarType, input: string): Place {
  const form = (raw: string) => literal({ r: raw, t: judgeInput(type, input, raw).typed })
  return leaf(type, input, form, (f) => judgeInput(type, input, rawOf(f)).verdict(rawOf(f), typedOf(f)))
}

/** An input of which no value is one of the type. */
function noValue(type: ColumnType): Place {
  return {
    type,
    form: (raw) => literal({ b: `${raw} IS NOT NULL` }),
    verdict: (f) => `NOT ${extract(f, 'b')}`,
    isNull: (f) => `NOT ${extract(f, 'b')}`,
    value: () => `CAST(NULL AS ${sqlType(type)})`,
    parts: [],
  }
}

function absent(type: ColumnType): Place {
  return { ...noValue(type), form: () => literal({ b: 'false' }), verdict: () => undefined }
}

function list(type: ListType, items: Place, depth: number, form: Place['form']): Place {
  const e = parameter(depth)
  return {
    type,
    form,
    verdict: () => undefined,
    isNull: (f) => `(${inside(f)} IS NULL)`,
    value: (f) => `list_transform(${inside(f)}, lambda ${e}: ${items.value(e)})`,
    parts: [
      {
        place: items,
        key: 'items',
        path: step.item,
        all: (f, holds) => allOf(inside(f), depth, holds),
      },
    ],
  }
}

function struct(
  type: StructType,
  members: readonly { readonly name: string; readonly place: Place }[],
  form: Place['form'],
): Place {
  return {
    type,
    form,
    verdict: notWrong,
    message: 'is no struct of these members, or has one twice or others besides',
    isNull,
    value: (f) => {
      const values = members.map(({ name, place }) => [name, place.value(extract(inside(f), name))] as const)
      return `CASE WHEN ${inside(f)} IS NOT NULL THEN ${literal(Object.fromEntries(values))} END`
    },
    parts: members.map(({ name, place }) => ({
      place,
      key: { member: name },
      path: (path) => step.member(path, name),
      all: (f, holds) =>
        `CASE WHEN ${inside(f)} IS NULL THEN true ELSE ${holds(extract(inside(f), name))} END`,
    })),
  }
}

/** `map_from_entries` fails on a key that is NULL or there twice, so it is not asked for one. */
function map(type: MapType, keys: Place, values: Place, depth: number, form: Place['form']): Place {
  const e = parameter(depth)
  const k = extract(e, 'k')
  const verdict = keys.verdict(k)
  const key = verdict === undefined ? keys.value(k) : `CASE WHEN ${verdict} THEN ${keys.value(k)} END`
  const keysOf = (f: string) => `list_transform(${inside(f)}, lambda ${e}: ${key})`
  const distinct = (f: string) => `len(list_distinct(${keysOf(f)}))`
  const once = (f: string) => `coalesce(${distinct(f)} = list_count(${keysOf(f)}), true)`
  return {
    type,
    form,
    verdict: (f) => `(${notWrong(f)} AND ${once(f)})`,
    message: 'is no map, or has a key twice',
    isNull,
    value: (f) => {
      const entry = literal({ k: keys.value(k), v: values.value(extract(e, 'v')) })
      const entries = `list_transform(${inside(f)}, lambda ${e}: ${entry})`
      return `CASE WHEN ${distinct(f)} = len(${inside(f)}) THEN map_from_entries(${entries}) END`
    },
    parts: [
      {
        place: keys,
        key: 'keys',
        path: step.key,
        all: (f, holds) => allOf(inside(f), depth, (each) => holds(extract(each, 'k'))),
      },
      {
        place: values,
        key: 'values',
        path: step.value,
        all: (f, holds) => allOf(inside(f), depth, (each) => holds(extract(each, 'v'))),
      },
    ],
  }
}

/** One JSON text. Its own `null` is no way to write NULL: that is a field without a value. */
function jsonText(type: NestedType, depth: number): Place {
  const inner = jsonPlace(type, depth).place
  const form = (f: string) => extract(f, 'f')
  return {
    ...inner,
    form: (raw) =>
      literal({
        b: `${raw} IS NOT NULL`,
        f: `CASE WHEN ${jsonVerdict(raw)} AND NOT ${isKind('n', raw)} THEN ${inner.form(raw)} END`,
      }),
    verdict: (f) =>
      `CASE WHEN ${form(f)} IS NULL THEN NOT ${extract(f, 'b')} ELSE ${inner.verdict(form(f)) ?? 'true'} END`,
    message: `is no JSON text of type ${type.type}`,
    isNull: (f) => `NOT ${extract(f, 'b')}`,
    value: (f) => inner.value(form(f)),
    parts: inner.parts.map((part) => ({ ...part, all: (f, holds) => part.all(form(f), holds) })),
  }
}

/** A place in JSON, and as what its value is taken out of the JSON around it. */
interface JsonPlace {
  readonly place: Place
  readonly as: 'JSON' | 'VARCHAR'
}

function jsonPlace(type: ColumnType, depth: number): JsonPlace {
  if (!isNested(type)) return jsonLeaf(type)
  const place =
    type.type === 'list'
      ? jsonList(type, depth)
      : type.type === 'struct'
        ? jsonStruct(type, depth)
        : jsonMap(type, depth)
  return { place, as: 'JSON' }
}

/**
 * Which kinds of JSON are a value: numbers for numbers, true and false for booleans, strings for all, each by its
 * text. A number is no string and no binary, though its text would be one: how it was spelled is not kept.
 */
function jsonLeaf(type: ScalarType): JsonPlace {
  if (type.type !== 'string' && type.type !== 'binary') {
    const form = (raw: string) => literal({ r: raw, t: typedText(type, raw) })
    return { place: leaf(type, 'text', form, (f) => textVerdict(type, rawOf(f), typedOf(f))), as: 'VARCHAR' }
  }
  const text = (raw: string) => `(${raw} ->> '$')`
  const form = (raw: string) =>
    literal({ r: text(raw), t: `CASE WHEN ${isKind('"', raw)} THEN ${typedText(type, text(raw))} END` })
  const verdict = (f: string) => `(${typedOf(f)} IS NOT NULL OR ${rawOf(f)} IS NULL)`
  return { place: leaf(type, 'text', form, verdict), as: 'JSON' }
}

/** NULL for JSON's null, `right` for a value of the kind, and else a form that is marked as wrong. */
function ofKind(kind: '[' | '{', raw: string, right: string): string {
  return `CASE WHEN ${raw} IS NULL OR ${isKind('n', raw)} THEN NULL WHEN ${isKind(kind, raw)} THEN ${right} ELSE ${literal({ w: 'true', v: 'NULL' })} END`
}

function jsonList(type: ListType, depth: number): Place {
  const { place: items, as } = jsonPlace(type.items, depth + 1)
  const e = parameter(depth)
  const form = (raw: string) => {
    const taken = `json_transform(${raw}, ${quoteLiteral(JSON.stringify([as]))})`
    const right = literal({ w: 'false', v: `list_transform(${taken}, lambda ${e}: ${items.form(e)})` })
    return ofKind('[', raw, right)
  }
  return { ...list(type, items, depth, form), verdict: notWrong, isNull }
}

function jsonStruct(type: StructType, depth: number): Place {
  const members = type.fields.map(({ name, type }) => ({ name, ...jsonPlace(type, depth + 1) }))
  const shape = quoteLiteral(JSON.stringify(Object.fromEntries(members.map(({ name, as }) => [name, as]))))
  const e = parameter(depth)
  const taken = extract(e, 'm')
  const keys = extract(e, 'k')
  const names = members.map(({ name }) => quoteLiteral(name)).join(', ')
  const forms = members.map(({ name, place }) => [name, place.form(extract(taken, name))] as const)
  const right = literal({
    w: `NOT (len(${keys}) = len(list_distinct(${keys})) AND list_has_all([${names}], ${keys}))`,
    v: literal(Object.fromEntries(forms)),
  })
  const form = (raw: string) => {
    const parts = literal({ m: `json_transform(${raw}, ${shape})`, k: `json_keys(${raw})` })
    // The parameter gives the parsed parts a name, so that each is made once and not once a member.
    return ofKind('{', raw, `list_transform([${parts}], lambda ${e}: ${right})[1]`)
  }
  return struct(type, members, form)
}

/** `json_keys` and `$.*` give keys and values in one order, those that are there twice included. */
function jsonMap(type: MapType, depth: number): Place {
  const keys = typedLeaf(type.keys, 'VARCHAR')
  const { place: values, as } = jsonPlace(type.values, depth + 1)
  const e = parameter(depth)
  const value = as === 'JSON' ? `${e}[2]` : `(${e}[2] ->> '$')`
  const entry = literal({ k: keys.form(`${e}[1]`), v: values.form(value) })
  const form = (raw: string) => {
    const entries = `list_zip(json_keys(${raw}), json_extract(${raw}, '$.*'))`
    return ofKind('{', raw, literal({ w: 'false', v: `list_transform(${entries}, lambda ${e}: ${entry})` }))
  }
  return map(type, keys, values, depth, form)
}
