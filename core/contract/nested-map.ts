import type { MapType } from './column-types.ts'
import { sqlType } from './lake-types.ts'
import { place as step } from './nested-contract.ts'
import { inside, isNull, notWrong, type Place } from './nested-place.ts'
import { allOf, extract, literal, parameter } from './nested-sql.ts'

export interface MapParts {
  readonly type: MapType
  readonly keys: Place
  readonly values: Place
  /** Of the map; what lies in it is one deeper. */
  readonly depth: number
  /** Whether the value to write is the engine's cast of {@link mapForm}'s `same`. */
  readonly cast: boolean
}

/** `map_from_entries` fails on a key that is NULL or there twice, so it is not asked for one. */
export function map({ type, keys, values, depth, cast }: MapParts, form: Place['form']): Place {
  const e = parameter(depth)
  const whole = (f: string) => extract(f, 'u')
  const once = (f: string) => {
    const list = `list_transform(${inside(f)}, lambda ${e}: ${keyValue(keys, extract(e, 'k'))})`
    return `coalesce(len(list_distinct(${list})) = list_count(${list}), true)`
  }
  return {
    type,
    form,
    verdict: (f) => `CASE WHEN ${whole(f)} THEN true ELSE ${notWrong(f)} AND ${once(f)} END`,
    message: 'is no map, or has a key twice',
    isNull,
    value: (f) => {
      // A fifth of the time that it takes to put the map together.
      if (cast) return `CASE WHEN ${whole(f)} THEN TRY_CAST(${extract(f, 's')} AS ${sqlType(type)}) END`
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
 * The form of a map over the SQL of one, `map`. `u` is whether a map can be made of it: each key is a value, and none is
 * there twice. `same` has the entries of `map`, their values as texts.
 */
export function mapForm({ keys, values, depth, cast }: MapParts, map: string, same = map): string {
  const e = parameter(depth)
  const key = extract(e, 'key')
  const value = extract(e, 'value')
  const entries = `map_entries(${map})`
  const { prepared } = values
  const ready =
    prepared === undefined
      ? entries
      : `list_transform(${entries}, lambda ${e}: ${literal({ key, value: prepared(value) })})`
  const entry = literal({ k: keys.form(key), v: values.form(value) })
  const distinct = `len(list_distinct(list_transform(${entries}, lambda ${e}: ${keyValue(keys, keys.form(key))})))`
  return literal({
    w: 'false',
    u: `${distinct} = len(${entries})`,
    v: `list_transform(${ready}, lambda ${e}: ${entry})`,
    ...(cast ? { s: same } : {}),
  })
}

/** The form of what is no map. */
export function noMap({ cast }: MapParts): string {
  return literal({ w: 'true', u: 'false', v: 'NULL', ...(cast ? { s: 'NULL' } : {}) })
}

/** A key over its form: NULL where it is no value. */
function keyValue(keys: Place, form: string): string {
  const verdict = keys.verdict(form)
  return verdict === undefined ? keys.value(form) : `CASE WHEN ${verdict} THEN ${keys.value(form)} END`
}
