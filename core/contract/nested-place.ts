import type { ColumnType, ListType, ScalarType, StructType } from './column-types.ts'
import { sqlType } from './lake-types.ts'
import { place as step } from './nested-contract.ts'
import { allOf, extract, literal, named, parameter } from './nested-sql.ts'

/**
 * One place of a nested column (the column, an item, a member, a key, a value) as SQL. The input is taken apart
 * once, into a `form`: a nested value of the type's shape whose leaves hold the raw and the typed value beside each
 * other. Verdicts, rules and the value that is written are all read from the form, so that they cannot disagree.
 */
export interface Place {
  readonly type: ColumnType
  /** SQL over the raw expression of what `form` reads instead, under a name, so that it is made once. */
  readonly prepared?: (raw: string) => string
  /** SQL of the form over the raw expression, or over the name of what was prepared; it is named several times. */
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
    /** Whether the typed value is the engine's cast of the raw one and no more. */
    readonly cast: boolean
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
export const inside = (form: string) => extract(form, 'v')
/** A form is NULL where JSON has null, and holds nothing where the value is NULL or none of its type. */
export const notWrong = (form: string) => `coalesce(NOT ${wrong(form)}, true)`
export const isNull = (form: string) => `(${inside(form)} IS NULL AND ${notWrong(form)})`

/** `typed`: SQL over the raw value; `verdict`: over both, as of {@link Place.verdict}. */
export function leaf(
  type: ScalarType,
  input: string,
  typed: (raw: string) => string,
  verdict: (raw: string, typed: string) => string | undefined,
): Place {
  const casts = ['raw', 'CAST(raw AS VARCHAR)', `TRY_CAST(raw AS ${sqlType(type)})`]
  return {
    type,
    form: (raw) => literal({ r: raw, t: typed(raw) }),
    verdict: (f) => verdict(rawOf(f), typedOf(f)),
    isNull: (f) => `(${rawOf(f)} IS NULL)`,
    value: typedOf,
    leaf: { input, cast: casts.includes(typed('raw')), raw: rawOf, typed: typedOf },
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

/** The forms of a list's elements. */
export function eachForm(place: Place, list: string, depth: number): string {
  const e = parameter(depth)
  const { prepared } = place
  const over = prepared === undefined ? list : `list_transform(${list}, lambda ${e}: ${prepared(e)})`
  return `list_transform(${over}, lambda ${e}: ${place.form(e)})`
}

/** The form of a place over any SQL of its raw value. */
export function anyForm(place: Place, raw: string, depth: number): string {
  return place.prepared === undefined ? place.form(raw) : named(place.prepared(raw), depth, place.form)
}
