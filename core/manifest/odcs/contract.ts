import { dirname, isAbsolute, join } from 'node:path'
import { child, type Located, type LocatedEntry, type LocatedMap, type Place, without } from '../located.ts'
import type { Problem } from '../problems.ts'
import { readOdcsFile } from './file.ts'
import { type Note, newReading, type Reading, refuse } from './reading.ts'

/** What a file of the standard says for one schema of it. */
export interface ImportedContract {
  /** `columns`, as under `contract:`. Absent where there are problems. */
  readonly contract?: LocatedMap
  readonly notes: readonly Note[]
  readonly problems: readonly Problem[]
}

/** Reads the file. Throws nothing for whatever it holds; values that no type has are the contract's to judge. */
export async function importOdcs({ file, ...which }: OdcsReference): Promise<ImportedContract> {
  const reading = newReading()
  const contract = await readOdcsFile(file, which, reading)
  const { problems, notes } = reading
  return problems.length > 0 || contract === undefined ? { problems, notes } : { problems, notes, contract }
}

export interface OdcsReference {
  readonly file: string
  readonly schema?: string | undefined
  /** Tables of the lake by the name of the schema that describes them. */
  readonly tables?: Readonly<Record<string, string>> | undefined
}

/** Reads each file and schema once, however many dataflows name them. */
export type OdcsImporter = (reference: OdcsReference) => Promise<ImportedContract>

export function odcsImporter(): OdcsImporter {
  const read = new Map<string, Promise<ImportedContract>>()
  return async (reference) => {
    const key = JSON.stringify(reference)
    const found = read.get(key) ?? importOdcs(reference)
    read.set(key, found)
    return await found
  }
}

/**
 * The dataflow with what `contract.odcs` refers to in its place, so that everything after this sees one full
 * contract whose values know where they stand. What the file says and the manifest says, too, is a problem: neither
 * wins. With any problem the contract comes without the file's part.
 */
export async function withImportedContract(
  tree: LocatedMap,
  label: string,
  given: OdcsReference,
  importer: OdcsImporter,
): Promise<{ readonly tree: LocatedMap; readonly problems: readonly Problem[] }> {
  const { file } = given
  const contract = child(tree, 'contract') as LocatedMap
  const reference = contract.entries.get('odcs')!
  const own = without(contract, 'odcs')
  const path = `${label}.contract.odcs`
  const at = child(reference.value, 'file')!.at
  const reading = newReading()
  if (isAbsolute(file) || /^[a-z][a-z0-9+.-]*:|\\/i.test(file)) {
    const message = `\`${file}\` is not a path relative to the file that names it`
    refuse(reading, { at, path }, message, 'Write it like contracts/orders.odcs.yaml')
    return { tree: replaceContract(tree, own), problems: reading.problems }
  }
  const imported = await importer({ ...given, file: join(dirname(at.file), file) })
  if (imported.contract === undefined) {
    return {
      tree: replaceContract(tree, own),
      problems: imported.problems.map((each) => namedBy(each, at, path)),
    }
  }
  const merged = merge(own, imported.contract, `${label}.contract`, reading)
  return { tree: replaceContract(tree, merged), problems: reading.problems }
}

/** The dataflow without `contract.odcs`. */
export function withoutOdcs(tree: LocatedMap): LocatedMap {
  return replaceContract(tree, without(child(tree, 'contract') as LocatedMap, 'odcs'))
}

function replaceContract(tree: LocatedMap, value: LocatedMap): LocatedMap {
  const entry: LocatedEntry = { ...tree.entries.get('contract')!, value }
  return { ...tree, entries: new Map(tree.entries).set('contract', entry) }
}

/** A file that is not there is a mistake of the one that names it. */
function namedBy(problem: Problem, at: Place, path: string): Problem {
  return problem.line === undefined
    ? { ...at, path, message: `${problem.file}: ${problem.message}`, hint: problem.hint! }
    : problem
}

/** Both, key by key; a value in both is a problem. Checks of both are checks, under names of their own. */
function merge(own: LocatedMap, imported: LocatedMap, path: string, reading: Reading): LocatedMap {
  const entries = new Map<string, LocatedEntry>(own.entries)
  for (const [key, entry] of imported.entries) {
    const before = entries.get(key)
    if (before === undefined) entries.set(key, entry)
    else if (before.value.kind === 'map' && entry.value.kind === 'map') {
      entries.set(key, { ...before, value: merge(before.value, entry.value, `${path}.${key}`, reading) })
    } else if (key === 'checks' && before.value.kind === 'list' && entry.value.kind === 'list') {
      const items = [...before.value.items, ...entry.value.items]
      const size = before.value.size + entry.value.size
      entries.set(key, { ...before, value: { ...before.value, size, items } })
    } else {
      const message = `\`${key}\` is said here and by ${placeText(entry.value)}`
      refuse(reading, { at: before.keyAt, path: `${path}.${key}` }, message, 'Keep one of the two')
    }
  }
  let size = 1
  for (const entry of entries.values()) size += entry.value.size
  return { ...own, size, entries }
}

function placeText({ at }: Located): string {
  return `${at.file}:${at.line}:${at.column}`
}
