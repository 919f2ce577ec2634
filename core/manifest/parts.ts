import type { z } from 'zod'
import { explainIssues, insideUnions, pathText } from './explain.ts'
import { includedFiles } from './include.ts'
import { inherit } from './inherit.ts'
import {
  keyPlaceOf,
  type Located,
  type LocatedMap,
  locate,
  type Path,
  type Place,
  toPlain,
} from './located.ts'
import { type OdcsImporter, odcsImporter, withImportedContract, withoutOdcs } from './odcs/contract.ts'
import { manifestError, type Problem } from './problems.ts'
import type { Draft } from './rules.ts'
import {
  connectionNameSchema,
  dataflowSchema,
  defaultsSchema,
  draftSchema,
  partSchema,
  topSchema,
  writtenDataflowSchema,
} from './schema.ts'
import { connectionSchema } from './schema-connections.ts'
import { odcsSchema } from './schema-contract.ts'
import { csvSchema } from './schema-source.ts'
import type { Connection, Dataflow } from './types.ts'
import { readText } from './yaml-text.ts'
import { parseTree } from './yaml-tree.ts'

export interface Parts {
  /** The main file, then the included ones. */
  readonly files: readonly string[]
  readonly root: LocatedMap
  /** The trees of all files that could be read, the main one first. */
  readonly trees: readonly LocatedMap[]
  /** Whether nothing is missing: only then does "there is no such table" mean anything. */
  readonly complete: boolean
}

/** Reads the main file and what it includes. Throws `MANIFEST_INVALID` where the main file cannot be read at all. */
export async function readParts(file: string, problems: Problem[]): Promise<Parts> {
  const root = await readTree(file, problems)
  if (root === undefined) throw manifestError(problems)
  const included = await includedFiles(file, root)
  problems.push(...included.problems)
  const trees: (LocatedMap | undefined)[] = [root]
  // A few at a time: a project may include thousands.
  for (let i = 0; i < included.files.length; i += 16) {
    const some = included.files.slice(i, i + 16)
    trees.push(...(await Promise.all(some.map((name) => readTree(name, problems)))))
  }
  const read = trees.filter((tree) => tree !== undefined)
  const complete = read.length === trees.length && included.problems.length === 0
  return { files: [file, ...included.files], root, trees: read, complete }
}

async function readTree(file: string, problems: Problem[]): Promise<LocatedMap | undefined> {
  const outcome = await readText(file)
  if ('problem' in outcome) {
    problems.push(outcome.problem)
    return undefined
  }
  const { tree, problems: found } = parseTree(file, outcome.text)
  problems.push(...found)
  return tree
}

/** Checks the keys of every file, and the values that belong to no dataflow and no connection. */
export function readTop({ root, trees }: Parts, problems: Problem[]): z.output<typeof topSchema> | undefined {
  for (const tree of trees) {
    if (tree === root) continue
    const mainOnly = [...tree.entries.keys()].filter((key) => isMainOnly(key))
    for (const key of mainOnly) {
      const message = `an included file may hold \`connections\` and \`dataflows\`, not \`${key}\``
      problems.push({ ...keyPlaceOf(tree, [], key), path: key, message, hint: 'Move it to the main file' })
    }
    check(partSchema, outline(tree, mainOnly), tree, '', problems)
  }
  const defaults = root.entries.get('defaults')?.value
  if (defaults !== undefined) check(defaultsSchema, toPlain(defaults), defaults, 'defaults', problems)
  return check(topSchema, outline(root, []), root, '', problems)
}

function isMainOnly(key: string): boolean {
  return Object.hasOwn(topSchema.shape, key) && !Object.hasOwn(partSchema.shape, key)
}

/** The top of a file as a plain value, the large sections left empty. */
function outline(tree: LocatedMap, leftOut: readonly string[]): unknown {
  const kept = [...tree.entries].filter(([key]) => !leftOut.includes(key))
  const isLarge = (key: string): boolean => key === 'defaults' || Object.hasOwn(partSchema.shape, key)
  return Object.fromEntries(kept.map(([key, { value }]) => [key, isLarge(key) ? {} : toPlain(value)]))
}

/** `connection` is absent where it does not fit the schema. */
export interface FoundConnection {
  readonly tree: Located
  readonly connection?: Connection
}

export function readConnections(
  trees: readonly LocatedMap[],
  problems: Problem[],
): Map<string, FoundConnection> {
  const found = new Map<string, FoundConnection>()
  for (const tree of trees) {
    const section = tree.entries.get('connections')
    if (section === undefined) continue
    if (section.value.kind !== 'map') {
      problems.push(wrongSection('connections', section.value.at, 'a mapping of names to connections'))
      continue
    }
    for (const [name, { keyAt, value }] of section.value.entries) {
      const label = pathText('connections', [name])
      const issue = connectionNameSchema.safeParse(name).error?.issues[0]
      if (issue !== undefined) {
        const message = `\`${name}\` cannot be the name of a connection: ${issue.message}`
        problems.push({ ...keyAt, path: label, message, hint: 'Choose another name' })
      }
      const before = found.get(name)
      if (before !== undefined) {
        const message = `connection \`${name}\` was defined before, at ${placeText(before.tree.at)}`
        problems.push({ ...keyAt, path: label, message, hint: 'Keep one of the two' })
        continue
      }
      const connection = check(connectionSchema, toPlain(value), value, label, problems)
      found.set(name, { tree: value, ...(connection === undefined ? {} : { connection }) })
    }
  }
  return found
}

/** One dataflow, defaults merged under it. `flow` is absent where it does not fit the schema. */
export interface FoundDataflow {
  readonly label: string
  readonly tree: LocatedMap
  /** What of it fits the schema: all of it where there is a `flow`. */
  readonly draft: Draft
  readonly flow?: Dataflow
}

/**
 * Every dataflow with `defaults` under it and, in the place of `contract.odcs`, what that file says. Reads those
 * files.
 */
export async function readDataflows({ root, trees }: Parts, problems: Problem[]): Promise<FoundDataflow[]> {
  const importer = odcsImporter()
  const defaultsFit = !problems.some(({ path }) => path === 'defaults' || path.startsWith('defaults.'))
  const defaults = root.entries.get('defaults')?.value
  const found: FoundDataflow[] = []
  for (const section of trees.flatMap((tree) => tree.entries.get('dataflows')?.value ?? [])) {
    if (section.kind !== 'list') {
      problems.push(wrongSection('dataflows', section.at, 'a list: each dataflow starts with `- name:`'))
      continue
    }
    for (const [index, item] of section.items.entries()) {
      if (item.kind !== 'map') {
        problems.push(wrongSection(`dataflows[${index}]`, item.at, 'a mapping that starts with `name:`'))
        continue
      }
      const written = inherit(defaults, item)
      const name = item.entries.get('name')?.value
      const label =
        name?.kind === 'scalar' && typeof name.value === 'string'
          ? pathText('dataflows', [name.value])
          : `dataflows[${index}]`
      const { tree, isWhole } = await takeContractIn(written, label, importer, problems)
      const value = withEscape(toPlain(tree))
      const parsed = dataflowSchema.safeParse(value)
      if (parsed.success) {
        const flow = withCsv(parsed.data)
        found.push(isWhole ? { label, tree, draft: flow, flow } : { label, tree, draft: unnamed(flow) })
        continue
      }
      const issues = insideUnions(parsed.error.issues)
      // A misspelt default is one mistake, and not a missing key in every dataflow that relied on it.
      const own = defaultsFit
        ? issues
        : issues.filter((issue) => locate(tree, issue.path as Path) !== undefined)
      problems.push(...explainIssues({ root: tree, label, schema: writtenDataflowSchema }, own))
      const draft = draftOf(value, issues)
      found.push({ label, tree, draft: isWhole ? draft : unnamed(draft) })
    }
  }
  return found
}

/**
 * What `contract.odcs` says, in its place; where it does not fit, or the file does not, that is reported and the
 * contract is not whole. A `contract` of another kind is left to the schema.
 */
async function takeContractIn(
  tree: LocatedMap,
  label: string,
  importer: OdcsImporter,
  problems: Problem[],
): Promise<{ readonly tree: LocatedMap; readonly isWhole: boolean }> {
  const odcs = locate(tree, ['contract', 'odcs'])
  if (odcs === undefined) return { tree, isWhole: true }
  const reference = check(odcsSchema, toPlain(odcs), odcs, pathText(label, ['contract', 'odcs']), problems)
  if (reference === undefined) return { tree: withoutOdcs(tree), isWhole: false }
  const taken = await withImportedContract(tree, label, reference, importer)
  problems.push(...taken.problems)
  return { tree: taken.tree, isWhole: taken.problems.length === 0 }
}

/** Without the names of columns nothing is said of columns that the contract seems to lack. */
function unnamed({ column_names: _unknown, ...draft }: Draft): Draft {
  return draft
}

/** The value without everything that an issue is about, and what the schema's defaults make of it. */
function draftOf(value: unknown, issues: readonly z.core.$ZodIssue[]): Draft {
  const pruned = structuredClone(value)
  for (const issue of issues) {
    const paths =
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path]
    for (const path of paths) remove(pruned, path as Path)
  }
  return (draftSchema.safeParse(pruned).data ?? {}) as Draft
}

/** Removes the key at the path; from a list nothing is taken, the list goes as a whole. */
function remove(value: unknown, path: Path): void {
  const list = path.findIndex((key) => typeof key === 'number')
  const target = list === -1 ? path : path.slice(0, list)
  let holder = value as Record<string, unknown> | undefined
  for (const key of target.slice(0, -1)) holder = holder?.[key] as Record<string, unknown> | undefined
  if (typeof holder === 'object' && holder !== null) delete holder[String(target.at(-1))]
}

/** A quote inside of quotes is written twice unless something else is said: the default is another key's value. */
function withEscape(value: unknown): unknown {
  const { source } = value as { readonly source?: { readonly csv?: Record<string, unknown> } }
  const { csv } = source ?? {}
  if (typeof csv?.quote === 'string' && csv.escape === undefined) csv.escape = csv.quote
  return value
}

/** `source.csv` is there exactly when the format is `csv`, so that its readers need no defaults of their own. */
function withCsv(flow: Dataflow): Dataflow {
  const { source } = flow
  if (source?.format !== 'csv' || source.csv !== undefined) return flow
  return { ...flow, source: { ...source, csv: csvSchema.parse({}) } }
}

function check<T extends z.ZodType>(
  schema: T,
  value: unknown,
  root: Located,
  label: string,
  problems: Problem[],
): z.output<T> | undefined {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  problems.push(...explainIssues({ root, label, schema }, insideUnions(parsed.error.issues)))
  return undefined
}

function wrongSection(path: string, at: Place, wanted: string): Problem {
  return { ...at, path, message: `\`${path}\` must be ${wanted}`, hint: 'Check the indentation' }
}

export function placeText({ file, line }: Place): string {
  return `${file}:${line}`
}
