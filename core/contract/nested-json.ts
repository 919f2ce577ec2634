import { quoteLiteral } from '../engine/sql.ts'
import type { ColumnType, ListType, MapType, NestedType, ScalarType, StructType } from './column-types.ts'
import { isNested } from './column-types.ts'
import { jsonVerdict, textVerdict, typedText } from './grammar.ts'
import { member, needsString, objectPaths, shapeOf, stringMaps } from './nested-json-shape.ts'
import { map, mapForm, noMap } from './nested-map.ts'
import { eachForm, isNull, leaf, list, notWrong, type Place, struct } from './nested-place.ts'
import { extract, literal, parameter } from './nested-sql.ts'

/** One JSON text. Its own `null` is no way to write NULL: that is a field without a value. */
export function jsonText(type: NestedType, depth: number): Place {
  const inner = jsonDocument(type, depth)
  const form = (f: string) => extract(f, 'f')
  return {
    ...inner,
    prepared: (raw) =>
      literal({
        b: `${raw} IS NOT NULL`,
        p: `CASE WHEN ${jsonVerdict(raw)} THEN ${inner.prepared(raw)} END`,
      }),
    form: (p) => literal({ b: extract(p, 'b'), f: inner.form(extract(p, 'p')) }),
    verdict: (f) =>
      `CASE WHEN ${form(f)} IS NULL THEN NOT ${extract(f, 'b')} ELSE ${inner.verdict(form(f)) ?? 'true'} END`,
    message: `is no JSON text of type ${type.type}`,
    isNull: (f) => `NOT ${extract(f, 'b')}`,
    value: (f) => inner.value(form(f)),
    parts: inner.parts.map((part) => ({ ...part, all: (f, holds) => part.all(form(f), holds) })),
  }
}

/**
 * A JSON text that is known to be valid, or NULL: the column's, and that of a nested item of a list or value of a map.
 * It is parsed once for all values in it down to the next of these (`m`), once for the number of keys of each object
 * among them (`k`), and once for maps of strings (`s`). The text itself (`t`) is asked again only of what is NULL or
 * of another kind.
 */
function jsonDocument(type: NestedType, depth: number): Place & Required<Pick<Place, 'prepared'>> {
  const objects = objectPaths(type, '$')
  const strings = stringMaps(type)
  const place = jsonPlace(type, depth, { path: '$', taken: (p, of = 'm') => extract(p, of), objects })
  const e = parameter(depth)
  const paths = objects.map(quoteLiteral).join(', ')
  return {
    ...place,
    prepared: (raw) => {
      const transformed = (shape: unknown) => `json_transform(${raw}, ${quoteLiteral(JSON.stringify(shape))})`
      const counts = `list_transform(json_keys(${raw}, [${paths}]), lambda ${e}: len(${e}))`
      return literal({
        t: raw,
        m: transformed(shapeOf(type)),
        ...(objects.length === 0 ? {} : { k: counts }),
        ...(strings === undefined ? {} : { s: transformed(strings) }),
      })
    },
  }
}

/** Where a place stands in its document. */
interface At {
  readonly path: string
  /** Its value as SQL over what was prepared of the document. */
  readonly taken: (prepared: string, of?: 'm' | 's') => string
  /** Paths of all structs, in the order of their numbers of keys. */
  readonly objects: readonly string[]
}

function jsonPlace(type: ColumnType, depth: number, at: At): Place {
  switch (type.type) {
    case 'list':
      return jsonList(type, depth, at)
    case 'struct':
      return jsonStruct(type, depth, at)
    case 'map':
      return jsonMap(type, depth, at)
    default: {
      const place = jsonLeaf(type)
      return { ...place, form: (p) => place.form(at.taken(p)) }
    }
  }
}

/** An item or a value of a map over its text. */
function inside(type: ColumnType, depth: number): Place {
  return isNested(type) ? jsonDocument(type, depth) : jsonLeaf(type)
}

/** Which kinds of JSON are a value: numbers for numbers, true and false for booleans, strings for all, each by its text. */
function jsonLeaf(type: ScalarType): Place {
  if (!needsString(type)) return textLeaf(type)
  const typed = (raw: string) =>
    `CASE WHEN starts_with(${raw}, '"') THEN ${typedText(type, `(${raw} ->> '$')`)} END`
  // The raw value is the JSON, quotes included: of these types it is asked only whether it is there.
  return leaf(type, 'text', typed, (raw, value) => `(${value} IS NOT NULL OR ${raw} IS NULL)`)
}

function textLeaf(type: ScalarType): Place {
  return leaf(
    type,
    'text',
    (raw) => typedText(type, raw),
    (raw, typed) => textVerdict(type, raw, typed),
  )
}

/**
 * `right` for a value of the kind, NULL for JSON's null and for nothing, and else `wrong`. The usual case comes first:
 * where it is that of all rows, the engine copies nothing.
 */
function ofKind(is: string, type: string, right: string, wrong = literal({ w: 'true', v: 'NULL' })): string {
  return `CASE WHEN ${is} THEN ${right} WHEN coalesce(${type}, 'NULL') = 'NULL' THEN NULL ELSE ${wrong} END`
}

function typeAt(p: string, { path }: At): string {
  return `json_type(${extract(p, 't')}, ${quoteLiteral(path)})`
}

function jsonList(type: ListType, depth: number, at: At): Place {
  const items = inside(type.items, depth + 1)
  const form = (p: string) => {
    const right = literal({ w: 'false', v: eachForm(items, at.taken(p), depth) })
    return ofKind(`${at.taken(p)} IS NOT NULL`, typeAt(p, at), right)
  }
  return { ...list(type, items, depth, form), verdict: notWrong, isNull }
}

/**
 * The keys of an object are the type's, each once, if they are as many as the members that are there. Members that are
 * not NULL can be counted without a look at the keys; those that JSON has as null are looked for only where the
 * numbers differ.
 */
function jsonStruct(type: StructType, depth: number, at: At): Place {
  const members = type.fields.map(({ name, type }) => {
    const taken: At['taken'] = (p, of) => extract(at.taken(p, of), name)
    const place = jsonPlace(type, depth + 1, { ...at, path: member(at.path, name), taken })
    return { name, taken, place }
  })
  const paths = members.map(({ name }) => quoteLiteral(member(at.path, name))).join(', ')
  const form = (p: string) => {
    const keys = `${extract(p, 'k')}[${at.objects.indexOf(at.path) + 1}]`
    const values = members.map(({ taken }) => `CAST(${taken(p)} IS NOT NULL AS BIGINT)`).join(' + ')
    const there = `list_count(json_type(${extract(p, 't')}, [${paths}]))`
    const right = literal({
      w: `CASE WHEN ${values} = ${keys} THEN false ELSE ${there} <> ${keys} END`,
      v: literal(Object.fromEntries(members.map(({ name, place }) => [name, place.form(p)]))),
    })
    // What is no object has no keys, but neither has `{}`.
    const is = `CASE WHEN ${keys} > 0 THEN true ELSE ${typeAt(p, at)} = 'OBJECT' END`
    return ofKind(is, typeAt(p, at), right)
  }
  return struct(type, members, form)
}

/** As the engine reads an object into a map, keys that are there twice stay, in their order. */
function jsonMap(type: MapType, depth: number, at: At): Place {
  const keys = textLeaf(type.keys)
  const values = inside(type.values, depth + 1)
  const texts = type.values.type === 'string'
  const cast = keys.leaf?.cast === true && (texts || values.leaf?.cast === true)
  const parts = { type, keys, values, depth, cast }
  return map(parts, (p) => {
    const right = mapForm(parts, at.taken(p), at.taken(p, texts ? 's' : 'm'))
    return ofKind(`${at.taken(p)} IS NOT NULL`, typeAt(p, at), right, noMap(parts))
  })
}
