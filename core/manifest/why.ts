import { ManifestError } from '../errors.ts'
import { pathText } from './explain.ts'
import type { LoadedManifest } from './load.ts'
import { type Located, type LocatedEntry, type Path, toPlain } from './located.ts'
import { listWords, suggest } from './near.ts'
import { keysAt } from './partial.ts'
import { dataflowSchema } from './schema.ts'
import { connectionSchema } from './schema-connections.ts'

/** One effective value and where it came from. */
export interface Why {
  readonly path: string
  readonly value: unknown
  /** `manifest`: it is written where it holds. */
  readonly from: 'manifest' | 'defaults' | 'schema default'
  /** Where it is written; absent for a schema default. Lines and columns count from 1. */
  readonly file?: string
  readonly line?: number
  readonly column?: number
  /** The value of `defaults` that this one replaced. */
  readonly replaced?: {
    readonly value: unknown
    readonly file: string
    readonly line: number
    readonly column: number
  }
}

/**
 * Explains the value at a path such as `dataflows.flights_raw.contract.enforcement`: dataflows and connections
 * go by name, list entries by `[0]`, and a key with a dot in it stands in double quotes. A mapping or a list
 * gives one answer for each value inside of it. Throws `ManifestError` `PATH_UNKNOWN` with the names that are near.
 */
export function why(loaded: LoadedManifest, path: string): readonly Why[] {
  const steps = parsePath(path)
  const { manifest, provenance } = loaded
  const named = new Map(manifest.dataflows.map((dataflow) => [dataflow.name, dataflow as unknown]))
  const whole: Record<string, unknown> = { ...manifest, dataflows: Object.fromEntries(named) }
  let value: unknown = whole
  for (const [depth, step] of steps.entries()) {
    const holder = value
    value = stepInto(holder, step)
    if (value === undefined) throw unknownPath(path, steps.slice(0, depth), step, holder)
  }
  const [section, name, ...inner] = steps
  const tree =
    section === 'dataflows'
      ? provenance.dataflows.get(String(name))
      : section === 'connections'
        ? provenance.connections.get(String(name))
        : provenance.root
  const insideTree = section === 'dataflows' || section === 'connections' ? inner : steps
  if (name === undefined && (section === 'dataflows' || section === 'connections')) {
    return Object.keys(value as object).flatMap((each) => why(loaded, pathText('', [section, each])))
  }
  return leaves(value, insideTree).map(({ value: leaf, path: leafPath }) => {
    const label = pathText('', [...steps.slice(0, steps.length - insideTree.length), ...leafPath])
    return explain(label, leaf, tree, leafPath)
  })
}

/** `path = value`, then where it came from. */
export function formatWhy(answers: readonly Why[]): string {
  return answers
    .map(({ path, value, from, file, line, column, replaced }) => {
      const lines = [`${path}: ${JSON.stringify(value)}`]
      if (file === undefined) lines.push('  default of the schema')
      else lines.push(`  ${from === 'defaults' ? 'from defaults at ' : 'at '}${file}:${line}:${column}`)
      if (replaced !== undefined) {
        const at = `${replaced.file}:${replaced.line}:${replaced.column}`
        lines.push(`  instead of ${JSON.stringify(replaced.value)} from defaults at ${at}`)
      }
      return `${lines.join('\n')}\n`
    })
    .join('')
}

function explain(path: string, value: unknown, tree: Located | undefined, steps: Path): Why {
  let entry: LocatedEntry | undefined
  let node = tree
  for (const step of steps) {
    if (node?.kind === 'map') {
      entry = node.entries.get(String(step))
      node = entry?.value
    } else if (node?.kind === 'list' && typeof step === 'number') {
      node = node.items[step]
    } else {
      node = undefined
    }
    if (node === undefined) return { path, value, from: 'schema default' }
  }
  if (node === undefined) return { path, value, from: 'schema default' }
  const from = node.origin === 'defaults' ? 'defaults' : 'manifest'
  const before = entry?.replaced
  const replaced = before === undefined ? {} : { replaced: { value: toPlain(before), ...before.at } }
  return { path, value, from, ...node.at, ...replaced }
}

/** Every scalar, empty list and empty mapping inside of the value; lists of scalars count as one value. */
function leaves(value: unknown, path: Path): { value: unknown; path: Path }[] {
  const isPlainList = Array.isArray(value) && value.every((item) => typeof item !== 'object')
  if (typeof value !== 'object' || value === null || isPlainList) return [{ value, path }]
  const inner = Object.entries(value).flatMap(([key, each]) => leaves(each, [...path, key]))
  return inner.length === 0 ? [{ value, path }] : inner
}

function stepInto(value: unknown, step: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) return typeof step === 'number' ? value[step] : undefined
  return Object.hasOwn(value, step) ? (value as Record<string, unknown>)[step] : undefined
}

function parsePath(path: string): (string | number)[] {
  const steps: (string | number)[] = []
  const token = /(?:^|\.)(?:"((?:[^"\\]|\\.)*)"|([^."[\]]+))|\[(\d+)\]/gy
  for (;;) {
    const start = token.lastIndex
    const match = token.exec(path)
    if (match === null) {
      if (start === path.length && start > 0) return steps
      throw new ManifestError({
        code: 'PATH_UNKNOWN',
        fact: `\`${path}\` is not a path`,
        next: 'Write it like dataflows.orders.contract.enforcement',
      })
    }
    const [, quoted, word, index] = match
    if (index !== undefined) steps.push(Number(index))
    else steps.push(quoted === undefined ? word! : (JSON.parse(`"${quoted}"`) as string))
  }
}

function unknownPath(path: string, before: Path, step: string | number, holder: unknown): ManifestError {
  const isMap = typeof holder === 'object' && holder !== null && !Array.isArray(holder)
  const here = isMap ? Object.keys(holder) : []
  const around = before.length === 0 ? 'the manifest' : `\`${pathText('', before)}\``
  const schema =
    before[0] === 'dataflows' ? dataflowSchema : before[0] === 'connections' ? connectionSchema : undefined
  const known = schema === undefined || before.length < 2 ? [] : keysAt(schema, before.slice(2), undefined)
  if (known.includes(String(step))) {
    return new ManifestError({
      code: 'PATH_UNKNOWN',
      fact: `\`${path}\` is not set, and it has no default`,
      next: `Set there: ${listWords([...here].sort())}`,
    })
  }
  return new ManifestError({
    code: 'PATH_UNKNOWN',
    fact: `${around} has no \`${step}\``,
    next: suggest(String(step), here, 'It has', `Ask for ${around} itself`),
  })
}
