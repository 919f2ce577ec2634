import type { Located, LocatedMap, Place } from '../located.ts'
import { suggest } from '../near.ts'
import { readText } from '../yaml-text.ts'
import { parseTree } from '../yaml-tree.ts'
import { columnTree } from './column.ts'
import { type Property, readProperty } from './property.ts'
import { readSchemaQuality } from './quality.ts'
import { locatedMap, note, type Part, type Reading, readPart, refuse, saidList, saidText } from './reading.ts'
import { fileKeys, requiredFileKeys, schemaKeys } from './words.ts'

const wording = {
  what: 'a data contract',
  start: 'Start with apiVersion, kind, id, version, status and schema',
  first: 'Start with `apiVersion: v3.1.0`',
} as const

/**
 * Reads one schema of a file of the Open Data Contract Standard 3.1 as what stands under `contract:` in a manifest:
 * `columns`. Values know their place in the file. Everything of the file is taken, told to be without effect on
 * rows, or a problem; of other schemas only the names are read. `undefined` where there is nothing to go on with.
 */
export async function readOdcsFile(
  file: string,
  schema: string | undefined,
  reading: Reading,
): Promise<LocatedMap | undefined> {
  const outcome = await readText(file)
  if ('problem' in outcome) {
    const { message, ...place } = outcome.problem
    reading.problems.push({ ...place, message, hint: 'Check the path and the file' })
    return undefined
  }
  const { tree, problems } = parseTree(file, outcome.text, Number.POSITIVE_INFINITY, wording)
  reading.problems.push(...problems)
  if (tree === undefined) return undefined
  const part = readPart(reading, tree, '', fileKeys, 'a data contract')!
  if (!isOfStandard(reading, tree, part)) return undefined
  const chosen = chooseSchema(reading, part, schema)
  return chosen === undefined ? undefined : readSchema(reading, chosen)
}

function isOfStandard(reading: Reading, tree: LocatedMap, part: Part): boolean {
  const missing = requiredFileKeys.filter((key) => !tree.entries.has(key))
  for (const key of missing) {
    const message = `\`${key}\` is missing, which every file of the Open Data Contract Standard has`
    refuse(reading, { at: tree.at, path: key }, message, 'Add it')
  }
  const version = saidText(reading, part, 'apiVersion')
  const kind = saidText(reading, part, 'kind')
  if (version !== undefined && !/^v3\.1\.\d+$/.test(version.value)) {
    const message = `apiVersion \`${version.value}\` is not read`
    refuse(reading, version, message, 'Only version 3.1 is: bring the file to it, and write v3.1.0')
    return false
  }
  if (kind !== undefined && kind.value !== 'DataContract') {
    refuse(reading, kind, `kind \`${kind.value}\` is not read`, 'Write DataContract')
    return false
  }
  for (const said of [version, kind]) if (said !== undefined) note(reading, said, 'how the file is read')
  return missing.length === 0
}

interface NamedSchema {
  readonly name: string
  readonly node: Located
  readonly at: Place
}

function chooseSchema(reading: Reading, part: Part, wanted: string | undefined): NamedSchema | undefined {
  const found = saidList(reading, part, 'schema').flatMap((node): NamedSchema[] => {
    const name = node.kind === 'map' ? node.entries.get('name')?.value : undefined
    if (name?.kind !== 'scalar' || typeof name.value !== 'string') {
      refuse(reading, { at: node.at, path: 'schema' }, 'a schema has no `name`', 'Add it')
      return []
    }
    return [{ name: name.value, node, at: name.at }]
  })
  const spot = { at: part.entries.get('schema')?.value.at ?? part.at, path: 'schema' }
  const names = found.map(({ name }) => name)
  const fitting = wanted === undefined ? found : found.filter(({ name }) => name === wanted)
  const [chosen, second] = fitting
  if (chosen === undefined) {
    if (wanted === undefined) refuse(reading, spot, 'the file has no schema', 'Add one under schema')
    else {
      const hint = suggest(wanted, names, 'It has', 'It has none')
      refuse(reading, spot, `the file has no schema \`${wanted}\``, hint)
    }
    return undefined
  }
  if (second !== undefined) {
    const several =
      wanted === undefined ? `the file has ${found.length} schemas` : `there are several \`${wanted}\``
    const hint = wanted === undefined ? `Name one: ${names.join(', ')}` : 'Give each schema a name of its own'
    refuse(reading, spot, several, hint)
    return undefined
  }
  for (const { name, at } of found) {
    if (name !== chosen.name) note(reading, { at, path: `schema.${name}` }, 'another schema, not looked into')
  }
  return chosen
}

function readSchema(reading: Reading, { name, node }: NamedSchema): LocatedMap | undefined {
  const path = `schema.${name}`
  const part = readPart(reading, node, path, schemaKeys, 'a schema')
  if (part === undefined) return undefined
  const logicalType = saidText(reading, part, 'logicalType')
  if (logicalType !== undefined && logicalType.value !== 'object') {
    refuse(
      reading,
      logicalType,
      `a schema of logicalType \`${logicalType.value}\``,
      'The standard has object',
    )
  }
  readSchemaQuality(reading, part)
  const properties = saidList(reading, part, 'properties').flatMap(
    (each) => readProperty(reading, each, `${path}.properties`) ?? [],
  )
  if (properties.length === 0) {
    const message = `schema \`${name}\` has no properties: there is nothing to judge rows by`
    refuse(reading, part, message, 'Add properties')
  }
  refuseNamesakes(reading, properties)
  readPrimaryKey(reading, part, properties)
  const columns = properties.map(({ column }) => [column.name, columnTree(column)] as const)
  return locatedMap([['columns', locatedMap(columns, part.at)]], part.at)
}

function refuseNamesakes(reading: Reading, properties: readonly Property[]): void {
  const seen = new Map<string, Property>()
  for (const property of properties) {
    const { name, part } = property.column
    const before = seen.get(name)
    seen.set(name, property)
    if (before === undefined) continue
    const message = `column \`${name}\` stood before, at line ${before.column.part.at.line}`
    refuse(reading, part, message, 'Keep one of the two')
  }
}

/** A primary key of one column is a unique one; each of its columns has been told to be without NULL. */
function readPrimaryKey(reading: Reading, part: Part, properties: readonly Property[]): void {
  const keys = properties.filter(({ key }) => key !== undefined)
  if (keys.length === 1) {
    const [{ column, key }] = keys as [Property]
    column.keys.set('unique', { ...key!, value: true })
    note(reading, key!, `columns.${column.name}.unique: true`)
    return
  }
  if (keys.length === 0) return
  const names = keys.map(({ column }) => column.name).join(', ')
  const message = `a primary key of several columns (${names}) is not in this version`
  refuse(reading, { at: keys[0]!.key!.at, path: `${part.path}.properties` }, message, 'Take primaryKey out')
}
