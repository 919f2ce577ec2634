import type { ColumnType, NestedType, ScalarType, StructType } from './column-types.ts'
import { isNested } from './column-types.ts'
import { type DuckdbType, parseDuckdbType } from './duckdb-type.ts'
import { jsonText } from './nested-json.ts'
import { map, mapForm } from './nested-map.ts'
import { absent, anyForm, eachForm, leaf, list, noValue, type Place, struct } from './nested-place.ts'
import { extract, literal } from './nested-sql.ts'
import { judgeInput } from './typed-input.ts'

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
    return list(type, items, depth, (raw) => literal({ v: eachForm(items, raw, depth) }))
  }
  if (type.type === 'map' && input.kind === 'map') {
    const keys = typedPlace(type.keys, input.keys, depth + 1)
    const values = typedPlace(type.values, input.values, depth + 1)
    const cast = keys.leaf?.cast === true && values.leaf?.cast === true
    const parts = { type, keys, values, depth, cast }
    return map(parts, (raw) => `CASE WHEN ${raw} IS NOT NULL THEN ${mapForm(parts, raw)} END`)
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
    const inside = members.map(
      ({ name, place }) => [name, anyForm(place, extract(raw, name), depth)] as const,
    )
    const unknown = others.map(({ name }) => `${extract(raw, name)} IS NOT NULL`)
    return literal({
      w: unknown.length === 0 ? 'false' : `(${unknown.join(' OR ')})`,
      v: `CASE WHEN ${raw} IS NOT NULL THEN ${literal(Object.fromEntries(inside))} END`,
    })
  }
  return struct(type, members, form)
}

function typedLeaf(type: ScalarType, input: string): Place {
  const judged = (raw: string) => judgeInput(type, input, raw)
  return leaf(
    type,
    input,
    (raw) => judged(raw).typed,
    (raw, typed) => judged(raw).verdict(raw, typed),
  )
}
