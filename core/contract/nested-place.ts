import { place as step } from './nested-contract.ts'
import { allOf, extract, literal, named, parameter } from './nested-sql.ts'
import type { ColumnType, ListType, MapType, ScalarType, StructType } from './types.ts'
import { sqlType } from './types.ts'

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

const rawOf = (form: string) => extract(form, 'r')
const typedOf = (form: string) => extract(form, 't')
const wrong = (form: string) => extract(form, 'w')
const inside = (form: string) => extract(form, 'v')
/** A form is NULL where JSON has null, and holds nothing where the value is NULL or none of its type. */
export const notWrong = (form: string) => `coalesce(NOT ${wrong(form)}, true)`
export const isNull = (form: string) => `(${inside(form)} IS NULL AND ${notWrong(form)})`

/** `verdict`: of a raw and a typed value, as SQL of both. */
export function leaf(
  type: ScalarType,
  input: string,
  form: Place['form'],
  verdict: (raw: string, typed: string) => string | undefined,
): Place {
  return {
    type,
    form,
    verdict: (f) => verdict(rawOf(f), typedOf(f)),
    isNull: (f) => `(${rawOf(f)} IS NULL)`,
    value: typedOf,
    leaf: { input, raw: rawOf, typed: typedOf },
    parts: [],
  }
}

/** An input of which no value is one of the type. */
export function noValue(type: ColumnType): Place {
  return {
    type,
    form: (raw) => literal({ b: `${raw} IS NOT NULL` }),
    verdict: (f) => `NOT ${extract(f, 'b')}`,
    isNull: (f) => `NOT ${extract(f, 'b')}`,
    value: () => `CAST(NULL AS ${sqlType(type)})`,
    parts: [],
  }
}

export function absent(type: ColumnType): Place {
  return { ...noValue(type), form: () => literal({ b: 'false' }), verdict: () => undefined }
}

export function list(type: ListType, items: Place, depth: number, form: Place['form']): Place {
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

export function struct(
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

export function map(type: MapType, keys: Place, values: Place, depth: number, form: Place['form']): Place {
  const e = parameter(depth)
  const whole = (f: string) => extract(f, 'u')
  const once = (f: string) => {
    const list = keysOf(inside(f), keys, depth)
    return `coalesce(len(list_distinct(${list})) = list_count(${list}), true)`
  }
  return {
    type,
    form,
    verdict: (f) => `CASE WHEN ${whole(f)} THEN true ELSE ${notWrong(f)} AND ${once(f)} END`,
    message: 'is no map, or has a key twice',
    isNull,
    value: (f) => {
      const entry = literal({ k: keys.value(extract(e, 'k')), v: values.value(extract(e, 'v')) })
      const entries = `list_transform(${inside(f)}, lambda ${e}: ${entry})`
      return `CASE WHEN ${whole(f)} THEN map_from_entries(${entries}) END`
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

/**
 * The form of a map over SQL of its entries, structs of `key` and `value`. `u` is whether a map can be made of it: each
 * key is a value, and none is there twice.
 */
export function mapForm(entries: string, keys: Place, values: Place, depth: number): string {
  const e = parameter(depth)
  const entry = literal({ k: keys.form(extract(e, 'key')), v: values.form(extract(e, 'value')) })
  const forms = `list_transform(${entries}, lambda ${e}: ${entry})`
  return named(forms, depth, (v) => {
    const distinct = `len(list_distinct(${keysOf(v, keys, depth + 1)}))`
    return literal({ w: 'false', u: `${distinct} = len(${v})`, v })
  })
}

/** The keys of a list of entries' forms, NULL those that are no value. */
function keysOf(entries: string, keys: Place, depth: number): string {
  const e = parameter(depth)
  const k = extract(e, 'k')
  const verdict = keys.verdict(k)
  const key = verdict === undefined ? keys.value(k) : `CASE WHEN ${verdict} THEN ${keys.value(k)} END`
  return `list_transform(${entries}, lambda ${e}: ${key})`
}
