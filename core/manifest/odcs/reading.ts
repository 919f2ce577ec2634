import type { CheckSpec } from '../../contract/checks.ts'
import { kindOf } from '../explain.ts'
import {
  type Located,
  type LocatedEntry,
  type LocatedMap,
  type Place,
  type Scalar,
  toPlain,
} from '../located.ts'
import { nearest } from '../near.ts'
import type { Problem } from '../problems.ts'
import type { Fate, Words } from './words.ts'

/** What one thing of the file became. */
export interface Note extends Place {
  /** `schema.orders.properties.id.required` */
  readonly path: string
  /** `columns.id.nullable: false`, `no effect on rows` */
  readonly becomes: string
}

/** What is wrong and what was understood, in the order of the file as far as it was read. */
export interface Reading {
  readonly problems: Problem[]
  readonly notes: Note[]
  /** Rules over the load, in the order in which they are found. */
  readonly checks: { readonly value: CheckSpec; readonly at: Place }[]
}

export function newReading(): Reading {
  return { problems: [], notes: [], checks: [] }
}

/** A mapping of the file whose keys were checked: those that are taken. */
export interface Part {
  readonly at: Place
  readonly path: string
  readonly entries: ReadonlyMap<string, LocatedEntry>
}

export interface Said<T> {
  readonly value: T
  readonly at: Place
  readonly path: string
}

export const noEffect = 'no effect on rows'

export type Spot = Pick<Part, 'at' | 'path'>

export function refuse(reading: Reading, { at, path }: Spot, message: string, hint: string): void {
  reading.problems.push({ ...at, path, message, hint })
}

export function note(reading: Reading, { at, path }: Spot, becomes: string): void {
  reading.notes.push({ ...at, path, becomes })
}

/** Every key is taken, without effect, or refused by name; `undefined` where the value is no mapping at all. */
export function readPart(
  reading: Reading,
  node: Located,
  path: string,
  words: Words,
  what: string,
): Part | undefined {
  if (node.kind !== 'map') {
    refuse(
      reading,
      { at: node.at, path },
      `${what} must be a mapping, and this is ${kindOf(toPlain(node))}`,
      'Write keys',
    )
    return undefined
  }
  const entries = new Map<string, LocatedEntry>()
  for (const [key, entry] of node.entries) {
    const inner = `${path}${path === '' ? '' : '.'}${key}`
    const fate: Fate | undefined = Object.hasOwn(words, key) ? words[key] : undefined
    if (fate === 'taken') entries.set(key, entry)
    else if (fate === 'none') reading.notes.push({ ...entry.keyAt, path: inner, becomes: noEffect })
    else if (fate === undefined) {
      const near = nearest(key, Object.keys(words))
      const hint = near === undefined ? 'Take it out; docs/odcs.md has the list' : `Did you mean \`${near}\`?`
      refuse(reading, { at: entry.keyAt, path: inner }, `${what} has no key \`${key}\` in version 3.1`, hint)
    } else refuse(reading, { at: entry.keyAt, path: inner }, `\`${key}\` is not taken over`, fate.refused)
  }
  return { at: node.at, path, entries }
}

export function saidText(reading: Reading, part: Part, key: string): Said<string> | undefined {
  return saidScalar(reading, part, key, 'a text', (value) => typeof value === 'string')
}

export function saidFlag(reading: Reading, part: Part, key: string): Said<boolean> | undefined {
  return saidScalar(reading, part, key, 'true or false', (value) => typeof value === 'boolean')
}

export function saidNumber(reading: Reading, part: Part, key: string): Said<number> | undefined {
  return saidScalar(reading, part, key, 'a number', (value) => typeof value === 'number')
}

/** A list and where it stands; empty where the key is absent or no list, which is reported. */
export function saidList(reading: Reading, part: Part, key: string): readonly Located[] {
  const node = part.entries.get(key)?.value
  if (node === undefined) return []
  if (node.kind === 'list') return node.items
  wrongKind(reading, part, key, node, 'a list')
  return []
}

export function wrongKind(reading: Reading, part: Part, key: string, node: Located, wanted: string): void {
  const message = `\`${key}\` must be ${wanted}, and this is ${kindOf(toPlain(node))}`
  refuse(reading, { at: node.at, path: join(part, key) }, message, 'Correct it')
}

function saidScalar<T extends Scalar>(
  reading: Reading,
  part: Part,
  key: string,
  wanted: string,
  isWanted: (value: Scalar) => boolean,
): Said<T> | undefined {
  const node = part.entries.get(key)?.value
  if (node === undefined) return undefined
  if (node.kind === 'scalar' && isWanted(node.value)) {
    return { value: node.value as T, at: node.at, path: join(part, key) }
  }
  wrongKind(reading, part, key, node, wanted)
  return undefined
}

export function join(part: Pick<Part, 'path'>, key: string): string {
  return part.path === '' ? key : `${part.path}.${key}`
}

/** The mapping as it is taken over, each value at its place in the file. */
export function located(value: unknown, at: Place): Located {
  const common = { at, origin: 'manifest' } as const
  if (Array.isArray(value)) {
    const items = value.map((item) => located(item, at))
    return { kind: 'list', ...common, size: items.length + 1, items }
  }
  if (typeof value === 'object' && value !== null) {
    return locatedMap(
      Object.entries(value).map(([key, each]) => [key, located(each, at)]),
      at,
    )
  }
  return { kind: 'scalar', ...common, size: 1, value: value as Scalar }
}

export function locatedMap(entries: Iterable<readonly [string, Located]>, at: Place): LocatedMap {
  const found = new Map([...entries].map(([key, value]) => [key, { keyAt: value.at, value }] as const))
  const size = [...found.values()].reduce((total, entry) => total + entry.value.size, 1)
  return { kind: 'map', at, origin: 'manifest', size, entries: found }
}
