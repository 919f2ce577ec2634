import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { IntegrityError, TerminalError } from '../errors.ts'
import { reservedAttributes, runsIndex } from './dynamodb-tables.ts'
import type { Item } from './state-store.ts'

export type Attributes = Record<string, AttributeValue>

/** Well inside DynamoDB's 1e-130 to 9.9e125, whose 38 digits hold each double's 17. */
const largestNative = 1e125
const smallestNative = 1e-125
/** The sort key's limit is 1,024 bytes. */
const maxStartBytes = 1000

/**
 * One attribute of an item. Scalars are DynamoDB's own, since conditions compare them. Everything else is its
 * JSON, as `{ M: { json: { S } } }`: exact (DynamoDB's documents know no double below 1e-130, no empty name and
 * no depth over 32), half the size on the wire, and bounded by the size of the JSON that was checked.
 * An `M` is never anything else.
 */
export function attributeOf(value: unknown): AttributeValue {
  if (value === null) return { NULL: true }
  if (typeof value === 'string') return { S: value }
  if (typeof value === 'boolean') return { BOOL: value }
  if (typeof value === 'number' && isNative(value)) return { N: String(value) }
  return { M: { json: { S: JSON.stringify(value) } } }
}

/**
 * The item as it is stored, with the index attributes where it is a run that has started.
 *
 * Throws `TerminalError` `STATE_WRITE_INVALID` for names that DynamoDB or this adapter cannot give.
 */
export function attributesOf(item: Item, index: number): Attributes {
  const stored: [string, AttributeValue][] = []
  for (const [name, value] of Object.entries(item)) {
    if (value === undefined) continue
    validateName(name, index)
    stored.push([name, attributeOf(value)])
  }
  return Object.fromEntries([...stored, ...runAttributes(item)])
}

export function itemOf(attributes: Attributes): Item {
  const members = Object.entries(attributes).filter(([name]) => !reservedAttributes.includes(name))
  return Object.fromEntries(
    members.map(([name, value]) => [name, jsonValueOf(name, value)]),
  ) as unknown as Item
}

export function validateName(name: string, index: number): void {
  if (name !== '' && !reservedAttributes.includes(name)) return
  throw new TerminalError({
    code: 'STATE_WRITE_INVALID',
    fact: `Write ${index} names an attribute ${JSON.stringify(name)}, which DynamoDB cannot have or the store keeps for itself`,
    consequence: 'Nothing was written',
  })
}

/** True for what `listRuns` lists. */
export function isStartedRun(item: Item): item is Item & { started_at: string } {
  return item.pk.startsWith('RUN#') && item.sk === 'META' && typeof item.started_at === 'string'
}

/** The start, then the run, so that runs that start together have an order too. */
function runAttributes(item: Item): [string, AttributeValue][] {
  if (!isStartedRun(item)) return []
  const bytes = Buffer.from(`${item.started_at} ${item.pk}`).subarray(0, maxStartBytes)
  // A character that was cut in two.
  const start = bytes.toString('utf8').replace(/\ufffd+$/, '')
  return [
    [runsIndex.partition, { S: runsIndex.partitionValue }],
    [runsIndex.sort, { S: start }],
  ]
}

function isNative(value: number): boolean {
  const size = Math.abs(value)
  return size === 0 || (size >= smallestNative && size <= largestNative)
}

function jsonValueOf(name: string, { S, N, BOOL, NULL, M }: AttributeValue): unknown {
  if (S !== undefined) return S
  if (N !== undefined) return Number(N)
  if (BOOL !== undefined) return BOOL
  if (NULL !== undefined) return null
  const json = M?.json?.S
  if (json !== undefined) return JSON.parse(json)
  throw new IntegrityError({
    code: 'STATE_ITEM_FOREIGN',
    fact: `The attribute ${name} of an item in the state table is of a type that this store does not write`,
    consequence: 'The item was not used',
    next: 'Something else wrote to the state table; restore the item',
  })
}
