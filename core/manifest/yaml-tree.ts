import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from 'yaml'
import {
  child,
  type Located,
  type LocatedEntry,
  type LocatedMap,
  type LocatedScalar,
  type Origin,
  type Place,
} from './located.ts'
import type { Problem } from './problems.ts'
import { type Chunks, cutChunks } from './yaml-chunks.ts'
import { keyMistake, numberMistake, syntaxMistake } from './yaml-mistakes.ts'

/** Values of one file, aliases expanded. */
export const maxValues = 1_000_000

export interface TreeOutcome {
  /** Absent where the syntax is broken or the file holds nothing. */
  readonly tree?: LocatedMap
  readonly problems: readonly Problem[]
}

/** What the file is, in words. */
export interface Wording {
  readonly what: string
  /** How one begins. */
  readonly start: string
  readonly first: string
}

const manifestWording: Wording = {
  what: 'a manifest',
  start: 'Start with version, project, connections and dataflows, or with `sluice init`',
  first: 'Start with `version: 1`',
}

interface Reading {
  readonly file: string
  readonly text: string
  readonly lines: LineCounter
  /** Lines of the file before this text. */
  readonly skipped: number
  readonly problems: Problem[]
  readonly anchors: Map<string, Node>
  readonly done: Map<Node, Located>
}

/**
 * Parses YAML 1.2 (core schema) and keeps the place of every key and value. Refused, each with its place:
 * syntax errors, duplicate keys, tags, directives, `<<`, keys that are no plain words, aliases that lead
 * nowhere, to themselves or to more than {@link maxValues} values, and numbers that JSON would not keep.
 * `pieceLength` is for tests of the cutting, which nobody must notice.
 */
export function parseTree(
  file: string,
  text: string,
  pieceLength = 8 * 1024,
  wording: Wording = manifestWording,
): TreeOutcome {
  const chunks = cutChunks(text, pieceLength)
  const reading = readingOf(file, chunks?.frame ?? text, 0, [])
  const content = parseContent(reading)
  if (content === undefined) return { problems: reading.problems }
  if (content === null || (isScalar(content) && content.value === null)) {
    return { problems: [{ file, path: '', message: 'the file holds nothing', hint: wording.start }] }
  }
  if (!isMap(content)) {
    const message = `${wording.what} is a mapping of keys to values`
    report(reading, placeAt(reading, content), message, wording.first)
    return { problems: reading.problems }
  }
  const tree = readMap(reading, content, 'manifest', '')
  const left = child(tree, 'dataflows')
  const isEmptied = left?.kind === 'scalar' && left.value === null
  if (chunks !== undefined && !isEmptied) return parseTree(file, text, Number.POSITIVE_INFINITY, wording)
  const whole = chunks === undefined ? tree : withItems(tree, chunks, reading)
  return whole === undefined ? { problems: reading.problems } : { tree: whole, problems: reading.problems }
}

/** Puts the items of all pieces where the frame has an empty `dataflows`; `undefined` where one is broken. */
function withItems(tree: LocatedMap, { pieces }: Chunks, frame: Reading): LocatedMap | undefined {
  const items: Located[] = []
  let at: Place | undefined
  let broken = false
  for (const { text, skipped } of pieces) {
    const reading = readingOf(frame.file, text, skipped, frame.problems)
    const content = parseContent(reading)
    broken ||= content === undefined
    if (!isSeq(content)) continue
    at ??= placeAt(reading, content)
    for (const item of content.items)
      items.push(readNode(reading, item as Node, 'manifest', `dataflows[${items.length}]`))
  }
  const entry = tree.entries.get('dataflows')
  if (broken || entry === undefined) return undefined
  const list: Located = { kind: 'list', at: at ?? entry.keyAt, origin: 'manifest', size: sum(items), items }
  const entries = new Map(tree.entries).set('dataflows', { ...entry, value: list })
  return { ...tree, entries, size: tree.size + list.size }
}

function readingOf(file: string, text: string, skipped: number, problems: Problem[]): Reading {
  return { file, text, lines: new LineCounter(), skipped, problems, anchors: new Map(), done: new Map() }
}

/** The document's content; `undefined` where the syntax is broken, which is reported. */
function parseContent(reading: Reading): Node | null | undefined {
  // uniqueKeys of the library compares every pair of keys; readMap does it in one pass.
  const options = { lineCounter: reading.lines, prettyErrors: false, uniqueKeys: false }
  const document = parseDocument(reading.text, options)
  const byLine = new Map<number, Problem>()
  for (const error of [...document.errors, ...document.warnings]) {
    const at = placeOfOffset(reading, error.pos[0])
    // One mistake often breaks what follows on its line, too; five lines are enough to start with.
    if (byLine.has(at.line) || byLine.size === 5) continue
    byLine.set(at.line, { ...at, path: '', ...syntaxMistake(error.code, error.message) })
  }
  const { explicit, version } = document.directives.yaml
  if (explicit === true && version !== '1.2') {
    const message = `%YAML ${version} changes what words like \`yes\` mean`
    const at = placeOfOffset(reading, 0)
    byLine.set(at.line, { ...at, path: '', message, hint: 'Remove the line: manifests are YAML 1.2' })
  }
  reading.problems.push(...byLine.values())
  return byLine.size > 0 ? undefined : (document.contents as Node | null)
}

function readNode(reading: Reading, node: Node | null, origin: Origin, path: string): Located {
  if (node === null) return { kind: 'scalar', value: null, at: placeAt(reading, null), origin, size: 1 }
  if (isAlias(node)) return readAlias(reading, node, origin, path)
  const anchor = node.anchor
  if (anchor !== undefined) reading.anchors.set(anchor, node)
  if (node.tag !== undefined) {
    const { message, hint } = syntaxMistake('TAG_RESOLVE_FAILED', '')
    report(reading, placeAt(reading, node), message, hint, path)
  }
  const located = isMap(node)
    ? readMap(reading, node, origin, path)
    : isSeq(node)
      ? readList(reading, node.items as Node[], placeAt(reading, node), origin, path)
      : readScalar(reading, node as Scalar, origin, path)
  if (anchor !== undefined) reading.done.set(node, located)
  return located
}

function readAlias(reading: Reading, node: Node & { source: string }, origin: Origin, path: string): Located {
  const at = placeAt(reading, node)
  const target = reading.anchors.get(node.source)
  const value = target === undefined ? undefined : reading.done.get(target)
  if (value !== undefined) return { ...value, origin }
  const [message, hint] =
    target === undefined
      ? [`\`*${node.source}\` refers to no anchor`, 'A text that starts with * must stand in quotes']
      : [`\`*${node.source}\` stands inside of what it refers to`, 'Write the value out']
  report(reading, at, message, hint, path)
  return { kind: 'scalar', value: null, at, origin, size: 1 }
}

function readList(
  reading: Reading,
  nodes: readonly Node[],
  at: Place,
  origin: Origin,
  path: string,
): Located {
  const items = nodes.map((item, index) => readNode(reading, item, origin, `${path}[${index}]`))
  const size = sum(items)
  return tooLarge(reading, size, at, path) ?? { kind: 'list', at, origin, size, items }
}

function readMap(reading: Reading, map: YAMLMap, origin: Origin, path: string): LocatedMap {
  const at = placeAt(reading, map)
  const entries = new Map<string, LocatedEntry>()
  for (const pair of map.items) {
    const keyNode = pair.key as Node | null
    const keyAt = placeAt(reading, keyNode ?? map)
    const key = isScalar(keyNode) ? keyText(keyNode) : undefined
    const mistake = keyMistake(key)
    if (mistake !== undefined) {
      report(reading, keyAt, mistake.message, mistake.hint, path)
      continue
    }
    const name = key as string
    const before = entries.get(name)
    if (before !== undefined) {
      const message = `\`${name}\` was set before, at line ${before.keyAt.line}`
      report(reading, keyAt, message, 'Keep one of the two', path === '' ? name : `${path}.${name}`)
      continue
    }
    const inner = path === '' && name === 'defaults' ? 'defaults' : origin
    const value = readNode(reading, pair.value as Node | null, inner, path === '' ? name : `${path}.${name}`)
    // An empty value has no place of its own.
    entries.set(name, {
      keyAt,
      value: pair.value === null || value.at.line === 0 ? { ...value, at: keyAt } : value,
    })
  }
  const size = sum([...entries.values()].map((entry) => entry.value))
  const empty = { kind: 'map', at, origin, size: 1, entries: new Map() } as const
  return tooLarge(reading, size, at, path) === undefined ? { kind: 'map', at, origin, size, entries } : empty
}

function readScalar(reading: Reading, node: Scalar, origin: Origin, path: string): LocatedScalar {
  const at = placeAt(reading, node)
  const { value } = node
  if (typeof value === 'number') {
    const mistake = numberMistake(value, node.source ?? String(value))
    if (mistake !== undefined) report(reading, at, mistake.message, mistake.hint, path)
    return { kind: 'scalar', value, at, origin, size: 1 }
  }
  if (typeof value === 'string') {
    // Only templates are ever pointed into; 10,000 dataflows have 200,000 other texts.
    const text = value.includes('{{') ? textStart(reading, node, value, at) : undefined
    return { kind: 'scalar', value, at, origin, size: 1, ...(text === undefined ? {} : { text }) }
  }
  const plain = typeof value === 'boolean' ? value : null
  return { kind: 'scalar', value: plain, at, origin, size: 1 }
}

/** Where the text itself begins in the file: for literal blocks, and for one line without escapes. */
function textStart(reading: Reading, node: Scalar, value: string, at: Place): LocatedScalar['text'] {
  const source = sourceOf(reading, node)
  if (node.type === 'BLOCK_LITERAL') {
    const [header = '', ...rest] = source.split('\n')
    const first = rest.find((line) => line.trim() !== '')
    if (first === undefined || /\d/.test(header)) return undefined
    return { line: at.line + 1, indent: first.length - first.trimStart().length }
  }
  if (source === value) return { line: at.line, indent: at.column - 1 }
  if (/^["']/.test(source) && source.slice(1, -1) === value) return { line: at.line, indent: at.column }
  return undefined
}

/** `1`, `true` and `~` are column names like any other: a key is the text that was written. */
function keyText(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value ?? ''))
}

function tooLarge(reading: Reading, size: number, at: Place, path: string): Located | undefined {
  if (size <= maxValues) return undefined
  const message = `this holds more than ${maxValues.toLocaleString('en-US')} values once its aliases are expanded`
  report(reading, at, message, 'Write what is meant without aliases', path)
  return { kind: 'scalar', value: null, at, origin: 'manifest', size: 1 }
}

function report(reading: Reading, at: Place, message: string, hint: string, path = ''): void {
  reading.problems.push({ ...at, path, message, hint })
}

function placeAt(reading: Reading, node: Node | null): Place {
  if (node?.range === undefined || node.range === null) return { file: reading.file, line: 0, column: 0 }
  return placeOfOffset(reading, node.range[0])
}

function placeOfOffset(reading: Reading, offset: number): Place {
  const { line, col } = reading.lines.linePos(offset)
  return { file: reading.file, line: line + reading.skipped, column: col }
}

function sourceOf(reading: Reading, node: Node): string {
  return node.range ? reading.text.slice(node.range[0], node.range[1]) : ''
}

function sum(nodes: readonly Located[]): number {
  return nodes.reduce((total, node) => total + node.size, 1)
}
