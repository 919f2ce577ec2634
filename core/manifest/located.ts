/** Where a value stands. Lines and columns count from 1; columns in UTF-16 units. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Which part of the manifest said it. */
export type Origin = 'manifest' | 'defaults'

export type Scalar = string | number | boolean | null

/** A YAML value that knows where it came from. `size` counts its values, aliases expanded. */
export type Located = LocatedScalar | LocatedList | LocatedMap

interface Common {
  readonly at: Place
  readonly origin: Origin
  readonly size: number
}

export interface LocatedScalar extends Common {
  readonly kind: 'scalar'
  readonly value: Scalar
  /** Where the text of a string begins, when its lines are lines of the file: `indent` columns further right. */
  readonly text?: { readonly line: number; readonly indent: number }
}

export interface LocatedList extends Common {
  readonly kind: 'list'
  readonly items: readonly Located[]
}

export interface LocatedMap extends Common {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string, LocatedEntry>
}

export interface LocatedEntry {
  readonly keyAt: Place
  readonly value: Located
  /** The value of `defaults` that this one replaced. */
  readonly replaced?: Located
}

export type Path = readonly (string | number)[]

/** The plain value. Maps become objects with own properties only. */
export function toPlain(node: Located): unknown {
  if (node.kind === 'scalar') return node.value
  if (node.kind === 'list') return node.items.map(toPlain)
  return Object.fromEntries([...node.entries].map(([key, entry]) => [key, toPlain(entry.value)]))
}

export function child(node: Located | undefined, key: string | number): Located | undefined {
  if (node?.kind === 'map') return node.entries.get(String(key))?.value
  if (node?.kind === 'list' && typeof key === 'number') return node.items[key]
  return undefined
}

/** The value at the path, or `undefined`. */
export function locate(node: Located | undefined, path: Path): Located | undefined {
  return path.reduce<Located | undefined>(child, node)
}

/** The place of the value, or of the nearest value around it. */
export function placeOf(node: Located, path: Path): Place {
  let found = node
  for (const key of path) {
    const next = child(found, key)
    if (next === undefined) break
    found = next
  }
  return found.at
}

/** The place of a key itself, where the map at the path has it. */
export function keyPlaceOf(node: Located, path: Path, key: string): Place {
  const map = locate(node, path)
  const entry = map?.kind === 'map' ? map.entries.get(key) : undefined
  return entry?.keyAt ?? placeOf(node, path)
}

/** The place of a character of a string value; where its lines are not lines of the file, that of the string. */
export function textPlaceOf(node: LocatedScalar, line: number, column: number): Place {
  if (node.text === undefined) return node.at
  return { file: node.at.file, line: node.text.line + line - 1, column: node.text.indent + column }
}

/**
 * `over` on top of `under`: maps merge key by key, anything else of `over` replaces what `under` has
 * (a list is replaced whole, `[]` empties it). Keys keep the order of `over`, then of `under`.
 */
export function mergeLocated(under: LocatedMap, over: LocatedMap): LocatedMap {
  const entries = new Map<string, LocatedEntry>()
  for (const [key, entry] of over.entries) {
    const base = under.entries.get(key)
    entries.set(key, base === undefined ? entry : mergeEntry(base, entry))
  }
  for (const [key, entry] of under.entries) if (!entries.has(key)) entries.set(key, entry)
  let size = 1
  for (const entry of entries.values()) size += entry.value.size
  return { kind: 'map', at: over.at, origin: over.origin, size, entries }
}

function mergeEntry(under: LocatedEntry, over: LocatedEntry): LocatedEntry {
  if (under.value.kind === 'map' && over.value.kind === 'map') {
    return { keyAt: over.keyAt, value: mergeLocated(under.value, over.value) }
  }
  return { ...over, replaced: under.value }
}

/** The map without one of its keys. */
export function without(node: LocatedMap, key: string): LocatedMap {
  if (!node.entries.has(key)) return node
  const entries = new Map([...node.entries].filter(([name]) => name !== key))
  return { ...node, entries }
}
