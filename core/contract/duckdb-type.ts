/** A DuckDB type as `DESCRIBE` prints it, taken apart: `STRUCT(a INTEGER, "b c" VARCHAR[])`. */
export type DuckdbType =
  /** Anything that is no list, struct or map, as it is printed. */
  | { readonly kind: 'scalar'; readonly text: string }
  | { readonly kind: 'list'; readonly items: DuckdbType }
  | {
      readonly kind: 'struct'
      readonly fields: readonly { readonly name: string; readonly type: DuckdbType }[]
    }
  | { readonly kind: 'map'; readonly keys: DuckdbType; readonly values: DuckdbType }

/** Arrays of a fixed length, unnamed structs and whatever else cannot be taken apart come out as scalars of their text. */
export function parseDuckdbType(text: string): DuckdbType {
  if (text.endsWith('[]')) return { kind: 'list', items: parseDuckdbType(text.slice(0, -2)) }
  const inside = /^(STRUCT|MAP)\((.*)\)$/s.exec(text)
  if (inside === null) return { kind: 'scalar', text }
  const parts = splitParts(inside[2] as string)
  if (inside[1] === 'MAP') {
    const [keys, values] = parts
    if (parts.length !== 2) return { kind: 'scalar', text }
    return { kind: 'map', keys: parseDuckdbType(keys as string), values: parseDuckdbType(values as string) }
  }
  const fields = parts.map((part) => /^("(?:[^"]|"")*"|[^\s"(),[\]]+) (.+)$/s.exec(part))
  if (fields.length === 0 || fields.includes(null)) return { kind: 'scalar', text }
  return {
    kind: 'struct',
    fields: fields.map((field) => {
      const [, name, type] = field as unknown as [string, string, string]
      return { name: unquoted(name), type: parseDuckdbType(type) }
    }),
  }
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name
}

/** At the commas that stand in no quotes and no brackets. */
function splitParts(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let quote = ''
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string
    if (quote !== '') {
      if (c === quote) quote = ''
    } else if (c === '"' || c === "'") quote = c
    else if (c === '(' || c === '[') depth++
    else if (c === ')' || c === ']') depth--
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(start, i).trim())
      start = i + 1
    }
  }
  return [...parts, text.slice(start).trim()].filter((part) => part !== '')
}
