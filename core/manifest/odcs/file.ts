import type { Located, LocatedMap, Place } from '../located.ts'
import { suggest } from '../near.ts'
import { readText } from '../yaml-text.ts'
import { parseTree } from '../yaml-tree.ts'
import { addCheck } from './checks.ts'
import { columnTree, tell } from './column.ts'
import type { OdcsReference } from './contract.ts'
import { type Property, readProperty } from './property.ts'
import { readSchemaQuality } from './quality.ts'
import {
  located,
  locatedMap,
  note,
  type Part,
  type Reading,
  readPart,
  refuse,
  saidList,
  saidText,
} from './reading.ts'
import { readRelationships, type Targets } from './relationships.ts'
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
  { schema, tables = {} }: Pick<OdcsReference, 'schema' | 'tables'>,
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
  if (chosen === undefined) return undefined
  const targets: Targets = { schemas: saidList(reading, part, 'schema'), tables }
  return readSchema(reading, chosen, targets)
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

function readSchema(reading: Reading, { name, node }: NamedSchema, targets: Targets): LocatedMap | undefined {
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
  const properties = saidList(reading, part, 'properties').flatMap(
    (each) => readProperty(reading, each, name, targets) ?? [],
  )
  if (properties.length === 0) {
    const message = `schema \`${name}\` has no properties: there is nothing to judge rows by`
    refuse(reading, part, message, 'Add properties')
  }
  refuseNamesakes(reading, properties)
  readPrimaryKey(reading, properties)
  const names = new Map(properties.map(({ logicalName, column }) => [logicalName, column.name]))
  readSchemaQuality(reading, part, names)
  readRelationships(reading, part, targets, { schema: name })
  const columns = properties.map(({ column }) => [column.name, columnTree(column)] as const)
  const checks = reading.checks.map(({ value, at }) => located(value, at))
  const list: Located = {
    kind: 'list',
    at: part.at,
    origin: 'manifest',
    size: checks.length + 1,
    items: checks,
  }
  const entries: [string, Located][] = [['columns', locatedMap(columns, part.at)]]
  return locatedMap(checks.length === 0 ? entries : [...entries, ['checks', list]], part.at)
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

/** Each column of the key has been told to be without NULL; one is unique by itself, several are together. */
function readPrimaryKey(reading: Reading, properties: readonly Property[]): void {
  const keys = properties.filter(({ key }) => key !== undefined)
  const [first, second] = keys
  if (first === undefined) return
  if (second === undefined) {
    tell(reading, first.column, 'unique', first.key!, true)
    return
  }
  const positions = keys.map(({ key }) => key?.value)
  const isPlaced = positions.some((position) => position !== undefined)
  if (isPlaced && (positions.includes(undefined) || new Set(positions).size < keys.length)) {
    const message = 'columns of the primary key have no position, or the same one'
    refuse(reading, first.key!, message, 'Give each a primaryKeyPosition of its own, or none any')
    return
  }
  const ordered = isPlaced
    ? [...keys].sort((a, b) => (a.key?.value as number) - (b.key?.value as number))
    : keys
  const head = { from: first.key!, severity: 'error', names: ['primary_key'] } as const
  addCheck(reading, head, 'primary_key', { unique: ordered.map(({ column }) => column.name) })
}
