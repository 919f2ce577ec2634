import type { Engine } from '../engine/engine.ts'
import { quoteLiterals } from '../engine/sql.ts'
import { TerminalError } from '../errors.ts'
import type { IcebergType, NestedField } from '../tables/types.ts'

/** A place of a Parquet schema. */
interface FileNode {
  readonly name: string
  readonly id: number | null
  readonly children: readonly FileNode[]
}

interface SchemaRow extends Record<string, unknown> {
  readonly file_name: string
  readonly name: string
  readonly num_children: bigint | null
  readonly field_id: bigint | null
}

/**
 * Proves that members, which the engine finds by name once it has found their column by field id, are found as the table
 * means them: none has another field id under this name in an older file, or this field id under another name. It reads
 * the files' footers, and nothing where no column is nested. Throws `TerminalError` `TABLE_MEMBER_MOVED`.
 */
export async function checkNestedIds(
  engine: Engine,
  paths: readonly string[],
  fields: readonly NestedField[],
): Promise<void> {
  const nested = fields.filter(({ type }) => ['list', 'struct', 'map'].includes(type.kind))
  if (nested.length === 0 || paths.length === 0) return
  const rows = await engine.rows<SchemaRow>(
    `SELECT file_name, name, num_children, field_id FROM parquet_schema(${quoteLiterals(paths)})`,
  )
  for (const [file, own] of Map.groupBy(rows, (row) => row.file_name)) {
    const root = treeOf(own)
    for (const field of nested) {
      const column = root.children.find(({ id }) => id === field.id)
      const moved = column && movedPlace(field.name, field.type, column)
      if (moved !== undefined) throw memberMoved(file, moved)
    }
  }
}

/** The rows stand depth first, each with the number of its children. */
function treeOf(rows: readonly SchemaRow[]): FileNode {
  let next = 0
  const read = (): FileNode => {
    const { name, num_children, field_id } = rows[next++] as SchemaRow
    const children = Array.from({ length: Number(num_children ?? 0) }, read)
    return { name, id: field_id === null ? null : Number(field_id), children }
  }
  return read()
}

/** The path of the first place that the file has otherwise. */
function movedPlace(path: string, type: IcebergType, node: FileNode): string | undefined {
  if (type.kind === 'struct') {
    for (const { id, name, type: inner } of type.fields) {
      const under = `${path}.${name}`
      const same = node.children.find((child) => child.name === name)
      const byId = node.children.find((child) => child.id === id)
      if (same !== byId) return under
      const moved = same && movedPlace(under, inner, same)
      if (moved !== undefined) return moved
    }
    return undefined
  }
  // One repeated group stands between a list or a map and what is in it.
  const entries = node.children[0]?.children ?? []
  if (type.kind === 'list') return movedPart(`${path}.element`, type.elementId, type.element, entries[0])
  if (type.kind !== 'map') return undefined
  return (
    movedPart(`${path}.key`, type.keyId, type.key, entries[0]) ??
    movedPart(`${path}.value`, type.valueId, type.value, entries[1])
  )
}

function movedPart(
  path: string,
  id: number,
  type: IcebergType,
  node: FileNode | undefined,
): string | undefined {
  return node?.id === id ? movedPlace(path, type, node) : path
}

function memberMoved(file: string, path: string): TerminalError {
  return new TerminalError({
    code: 'TABLE_MEMBER_MOVED',
    fact: `${path} has another name or another field id in ${file}, and this version finds what is nested in a column by name`,
    consequence: 'Its values would be mistaken, so nothing was read',
    next: 'Rewrite the table’s older files with the engine that renamed or replaced it (rewrite_data_files)',
    details: { path },
  })
}
