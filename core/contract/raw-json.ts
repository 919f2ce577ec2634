import { type DuckdbType, parseDuckdbType } from './duckdb-type.ts'
import { extract, literal, parameter } from './nested-sql.ts'

/**
 * A raw value for `to_json`. JSON has no NaN and no infinities, and the engine would write them all the same: they are
 * kept as texts, wherever they stand in the value. A type without a float in it is handed on as it is.
 */
export function rawJson(input: string, raw: string): string {
  return jsonOf(parseDuckdbType(input), raw, 0)
}

function jsonOf(type: DuckdbType, raw: string, depth: number): string {
  if (!hasFloat(type)) return raw
  if (type.kind === 'scalar') {
    return `CASE WHEN isfinite(${raw}) THEN to_json(${raw}) ELSE to_json(CAST(${raw} AS VARCHAR)) END`
  }
  const e = parameter(depth)
  if (type.kind === 'list') return `list_transform(${raw}, lambda ${e}: ${jsonOf(type.items, e, depth + 1)})`
  if (type.kind === 'map') {
    const entry = literal({ k: extract(e, 'key'), v: jsonOf(type.values, extract(e, 'value'), depth + 1) })
    return `map_from_entries(list_transform(map_entries(${raw}), lambda ${e}: ${entry}))`
  }
  const members = type.fields.map(
    (field) => [field.name, jsonOf(field.type, extract(raw, field.name), depth + 1)] as const,
  )
  return `CASE WHEN ${raw} IS NOT NULL THEN ${literal(Object.fromEntries(members))} END`
}

/** Keys of a map are texts in JSON, whatever they are. */
function hasFloat(type: DuckdbType): boolean {
  switch (type.kind) {
    case 'scalar':
      return type.text === 'FLOAT' || type.text === 'DOUBLE'
    case 'list':
      return hasFloat(type.items)
    case 'map':
      return hasFloat(type.values)
    case 'struct':
      return type.fields.some((field) => hasFloat(field.type))
  }
}
