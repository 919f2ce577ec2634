import { columnName } from '../../sources/column-names.ts'
import { counted } from '../../words.ts'
import { child, type Located } from '../located.ts'
import { addCheck } from './checks.ts'
import { type Part, type Reading, readPart, refuse, type Spot, saidList, saidText } from './reading.ts'
import { relationshipKeys } from './words.ts'

/** What references lead to. */
export interface Targets {
  /** All schemas of the file. */
  readonly schemas: readonly Located[]
  /** Tables of the lake by the name of the schema that describes them. */
  readonly tables: Readonly<Record<string, string>>
}

interface Reached {
  readonly schema: string
  /** The property as the data have it. */
  readonly column: string
}

/** Foreign keys of a property, which is their own end (`from` is not given), or of a schema, which has both ends. */
export function readRelationships(
  reading: Reading,
  part: Part,
  targets: Targets,
  own: { readonly schema: string; readonly column?: string },
): void {
  for (const [index, node] of saidList(reading, part, 'relationships').entries()) {
    const path = `${part.path}.relationships[${index}]`
    const found = readPart(reading, node, path, relationshipKeys, 'a relationship')
    if (found === undefined) continue
    const type = saidText(reading, found, 'type')
    if (type !== undefined && type.value !== 'foreignKey') {
      const message = `the standard has no relationship of type \`${type.value}\` in version 3.1`
      refuse(reading, type, message, 'Write foreignKey')
      continue
    }
    const to = ends(reading, found, 'to', targets)
    const from =
      own.column === undefined ? ends(reading, found, 'from', targets) : ownEnd(reading, found, own)
    if (to !== undefined && from !== undefined) refer(reading, found, targets, own.schema, from, to)
  }
}

function ownEnd(
  reading: Reading,
  part: Part,
  own: { schema: string; column?: string },
): Reached[] | undefined {
  const entry = part.entries.get('from')
  if (entry === undefined) return [{ schema: own.schema, column: own.column as string }]
  const spot = { at: entry.keyAt, path: `${part.path}.from` }
  refuse(reading, spot, 'at a property `from` is the property itself', 'Take it out')
  return undefined
}

function refer(
  reading: Reading,
  part: Part,
  targets: Targets,
  schema: string,
  from: readonly Reached[],
  to: readonly Reached[],
): void {
  const target = to[0]!.schema
  if (from.length !== to.length) {
    const message = `\`from\` has ${counted(from.length, 'property', 'properties')} and \`to\` has ${to.length}`
    refuse(reading, part, message, 'Name one of each for each other')
  } else if (from.some((end) => end.schema !== schema) || to.some((end) => end.schema !== target)) {
    const message = 'a relationship leads from this schema to one other schema'
    refuse(reading, part, message, `Let every end of from be one of ${schema}, and all of to of one schema`)
  } else if (!Object.hasOwn(targets.tables, target)) {
    const message = `which table of the lake holds \`${target}\` is not known`
    const hint = `Say it: odcs: { …, tables: { ${target}: namespace.name } }, or --table ${target}=namespace.name`
    refuse(reading, part, message, hint)
  } else {
    const references = {
      columns: from.map(({ column }) => column),
      table: targets.tables[target] as string,
      // As the table names them; `column_names: snake` of the other dataflow is told by the other dataflow alone.
      to: to.map(({ column }) => columnName(column, 'lower')),
    }
    const head = { from: part, severity: 'error', names: [] } as const
    addCheck(reading, head, `references_${target}`, { references })
  }
}

function ends(reading: Reading, part: Part, key: string, targets: Targets): Reached[] | undefined {
  const node = part.entries.get(key)?.value
  const path = `${part.path}.${key}`
  if (node === undefined) {
    refuse(reading, part, `a relationship has no \`${key}\``, 'Add it')
    return undefined
  }
  const items = node.kind === 'list' ? node.items : [node]
  const found = items.flatMap((item) => {
    if (item.kind === 'scalar' && typeof item.value === 'string') {
      return reach(reading, { at: item.at, path }, item.value, targets) ?? []
    }
    refuse(
      reading,
      { at: item.at, path },
      `\`${key}\` must be a reference, or a list of them`,
      'Write schema.property',
    )
    return []
  })
  return found.length === items.length && found.length > 0 ? found : undefined
}

/** `schema.property` by names, `schema/<id>/properties/<id>` by ids. */
function reach(reading: Reading, spot: Spot, text: string, { schemas }: Targets): Reached | undefined {
  const short = /^([A-Za-z_]\w*)\.([A-Za-z_]\w*)$/.exec(text)
  const full = /^\/?schema\/([\w-]+)\/properties\/([\w-]+)$/.exec(text)
  const [, schemaWord, propertyWord] = short ?? full ?? []
  if (schemaWord === undefined || propertyWord === undefined) {
    const message = `the reference \`${text}\` is not read`
    refuse(reading, spot, message, 'Name a property of a schema of this file: schema.property')
    return undefined
  }
  const key = short === null ? 'id' : 'name'
  const schema = schemas.find((each) => textOf(each, key) === schemaWord)
  if (schema === undefined && short !== null) return { schema: schemaWord, column: propertyWord }
  const properties = schema && child(schema, 'properties')
  const list = properties?.kind === 'list' ? properties.items : []
  const property = list.find((each) => textOf(each, key) === propertyWord)
  if (schema === undefined || property === undefined) {
    const message = `the reference \`${text}\` leads to nothing in this file`
    refuse(reading, spot, message, 'Correct it, or give the schema or the property that id')
    return undefined
  }
  const column = textOf(property, 'physicalName') ?? textOf(property, 'name') ?? propertyWord
  return { schema: textOf(schema, 'name') ?? schemaWord, column }
}

function textOf(node: Located, key: string): string | undefined {
  const value = child(node, key)
  return value?.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined
}
