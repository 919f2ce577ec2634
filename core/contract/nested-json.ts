import { quoteLiteral } from '../engine/sql.ts'
import { jsonVerdict, textVerdict, typedText } from './grammar.ts'
import { isNull, leaf, list, map, mapForm, notWrong, type Place, struct } from './nested-place.ts'
import { extract, isKind, literal, named, parameter } from './nested-sql.ts'
import type { ColumnType, ListType, MapType, NestedType, ScalarType, StructType } from './types.ts'
import { isNested } from './types.ts'

/** One JSON text. Its own `null` is no way to write NULL: that is a field without a value. */
export function jsonText(type: NestedType, depth: number): Place {
  const inner = jsonPlace(type, depth).place
  const form = (f: string) => extract(f, 'f')
  return {
    ...inner,
    form: (raw) =>
      literal({ b: `${raw} IS NOT NULL`, f: `CASE WHEN ${jsonVerdict(raw)} THEN ${inner.form(raw)} END` }),
    verdict: (f) =>
      `CASE WHEN ${form(f)} IS NULL THEN NOT ${extract(f, 'b')} ELSE ${inner.verdict(form(f)) ?? 'true'} END`,
    message: `is no JSON text of type ${type.type}`,
    isNull: (f) => `NOT ${extract(f, 'b')}`,
    value: (f) => inner.value(form(f)),
    parts: inner.parts.map((part) => ({ ...part, all: (f, holds) => part.all(form(f), holds) })),
  }
}

/** A place in JSON, and as what its value is taken out of the JSON around it: by `json_transform`, JSON's null as NULL. */
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
  if (type.type !== 'string' && type.type !== 'binary') return { place: textLeaf(type), as: 'VARCHAR' }
  // The raw value is the JSON, quotes included: of these types it is asked only whether it is there.
  const form = (raw: string) =>
    literal({ r: raw, t: `CASE WHEN ${isKind('"', raw)} THEN ${typedText(type, `(${raw} ->> '$')`)} END` })
  const place = leaf(type, 'text', form, (raw, typed) => `(${typed} IS NOT NULL OR ${raw} IS NULL)`)
  return { place, as: 'JSON' }
}

function textLeaf(type: ScalarType): Place {
  const form = (raw: string) => literal({ r: raw, t: typedText(type, raw) })
  return leaf(type, 'text', form, (raw, typed) => textVerdict(type, raw, typed))
}

/** `right` for a value of the kind, NULL for NULL, and else a form that is marked as wrong. */
function ofKind(kind: '[' | '{', raw: string, right: string, wrong = { w: 'true', v: 'NULL' }): string {
  // The usual case comes first: where it is that of all rows, the engine copies nothing.
  return `CASE WHEN ${isKind(kind, raw)} THEN ${right} WHEN ${raw} IS NULL THEN NULL ELSE ${literal(wrong)} END`
}

function transformed(raw: string, shape: unknown): string {
  return `json_transform(${raw}, ${quoteLiteral(JSON.stringify(shape))})`
}

function jsonList(type: ListType, depth: number): Place {
  const { place: items, as } = jsonPlace(type.items, depth + 1)
  const e = parameter(depth)
  const forms = (raw: string) => `list_transform(${transformed(raw, [as])}, lambda ${e}: ${items.form(e)})`
  const form = (raw: string) => ofKind('[', raw, literal({ w: 'false', v: forms(raw) }))
  return { ...list(type, items, depth, form), verdict: notWrong, isNull }
}

/**
 * The keys of an object are the type's, each once, if they are as many as the members that are there. Members that are
 * not NULL can be counted without a look at the keys; those that JSON has as null are looked for only where the
 * numbers differ.
 */
function jsonStruct(type: StructType, depth: number): Place {
  const members = type.fields.map(({ name, type }) => ({ name, ...jsonPlace(type, depth + 1) }))
  const shape = Object.fromEntries(members.map(({ name, as }) => [name, as]))
  const pointers = members.map(({ name }) => quoteLiteral(`/${name}`)).join(', ')
  const form = (raw: string) => {
    const parts = literal({ m: transformed(raw, shape), k: `len(json_keys(${raw}))` })
    return ofKind(
      '{',
      raw,
      named(parts, depth, (e) => literal(judged(e, raw))),
    )
  }
  const judged = (e: string, raw: string) => {
    const keys = extract(e, 'k')
    const taken = (name: string) => extract(extract(e, 'm'), name)
    const values = members.map(({ name }) => `CAST(${taken(name)} IS NOT NULL AS BIGINT)`).join(' + ')
    const there = `list_count(json_type(${raw}, [${pointers}]))`
    return {
      w: `CASE WHEN ${values} = ${keys} THEN false ELSE ${there} <> ${keys} END`,
      v: literal(Object.fromEntries(members.map(({ name, place }) => [name, place.form(taken(name))]))),
    }
  }
  return struct(type, members, form)
}

/** As the engine reads an object into a map, keys that are there twice stay, in their order. */
function jsonMap(type: MapType, depth: number): Place {
  const keys = textLeaf(type.keys)
  const { place: values, as } = jsonPlace(type.values, depth + 1)
  const form = (raw: string) => {
    const entries = `map_entries(${transformed(raw, `MAP(VARCHAR, ${as})`)})`
    const wrong = { w: 'true', u: 'false', v: 'NULL' }
    return ofKind('{', raw, mapForm(entries, keys, values, depth), wrong)
  }
  return map(type, keys, values, depth, form)
}
