import type { ColumnType, ScalarType } from './column-types.ts'
import { isNested } from './column-types.ts'

/** JSON paths of the structs of one document. Names of members need no escape in a path's quotes. */
export function objectPaths(type: ColumnType, path: string): readonly string[] {
  if (type.type !== 'struct') return []
  return [path, ...type.fields.flatMap(({ name, type }) => objectPaths(type, member(path, name)))]
}

export function member(path: string, name: string): string {
  return `${path}."${name}"`
}

/** What `json_transform` makes of a document: NULL of JSON's null, and NULL or a struct of NULLs of the wrong kind. */
export function shapeOf(type: ColumnType): unknown {
  switch (type.type) {
    case 'list':
      return [textOf(type.items)]
    case 'map':
      return `MAP(VARCHAR, ${textOf(type.values)})`
    case 'struct':
      return Object.fromEntries(type.fields.map(({ name, type }) => [name, shapeOf(type)]))
    default:
      return textOf(type)
  }
}

/** The maps of strings alone, each with the texts of its values. */
export function stringMaps(type: ColumnType): unknown {
  if (type.type === 'map') return type.values.type === 'string' ? 'MAP(VARCHAR, VARCHAR)' : undefined
  if (type.type !== 'struct') return undefined
  const members = type.fields
    .map(({ name, type }) => [name, stringMaps(type)] as const)
    .filter(([, shape]) => shape !== undefined)
  return members.length === 0 ? undefined : Object.fromEntries(members)
}

/** JSON text where its kind must be told, and where it is a document of its own; else the value's text. */
function textOf(type: ColumnType): 'JSON' | 'VARCHAR' {
  return isNested(type) || needsString(type) ? 'JSON' : 'VARCHAR'
}

/** A number is no string and no binary, though its text would be one: how it was spelled is not kept. */
export function needsString({ type }: ScalarType): boolean {
  return type === 'string' || type === 'binary'
}
