import type { AttributeValue, TransactWriteItem } from '@aws-sdk/client-dynamodb'
import { TerminalError } from '../errors.ts'
import {
  type CatalogEntry,
  hasNamespace,
  namespaceAction,
  pointerAction,
  readEntry,
} from './dynamodb-catalog.ts'
import type { DynamoPlace } from './dynamodb-place.ts'
import { attributeOf, attributesOf, validateName } from './dynamodb-values.ts'
import type { Expectation, Write } from './state-store.ts'

const maxActions = 100

export interface Prepared {
  /** One per write, in their order, then those that create namespaces. */
  readonly actions: readonly TransactWriteItem[]
  /** What the catalog held of the pointers, by the index of their write. */
  readonly entries: ReadonlyMap<number, CatalogEntry>
}

/** What DynamoDB is asked to do. Reads the catalog for pointers, to name the versions that they replace. */
export async function actionsOf(place: DynamoPlace, writes: readonly Write[]): Promise<Prepared> {
  const entries = new Map<number, CatalogEntry>()
  const created = new Set<string>()
  await Promise.all(
    writes.map(async (write, index) => {
      if (write.kind !== 'pointer') return
      if (write.base === undefined) created.add(write.table.namespace)
      const entry = write.base === undefined ? undefined : await readEntry(place, write.table)
      if (entry !== undefined) entries.set(index, entry)
    }),
  )
  const actions = writes.map((write, index) =>
    write.kind === 'pointer'
      ? pointerAction(place, write, entries.get(index))
      : itemAction(place, write, index),
  )
  for (const namespace of created) {
    if (!(await hasNamespace(place, namespace))) actions.push(namespaceAction(place, namespace))
  }
  if (actions.length > maxActions) throw tooMany(writes.length, actions.length)
  return { actions, entries }
}

function itemAction(
  place: DynamoPlace,
  write: Exclude<Write, { kind: 'pointer' }>,
  index: number,
): TransactWriteItem {
  const target = { TableName: place.stateTable, ...conditionOf(write.expect, index) }
  if (write.kind === 'put') return { Put: { ...target, Item: attributesOf(write.item, index) } }
  const Key = { pk: { S: write.pk }, sk: { S: write.sk } }
  if (write.kind === 'delete') return { Delete: { ...target, Key } }
  const { expect } = write
  const condition = conditionOf(expect, index) as { ConditionExpression: string }
  return { ConditionCheck: { ...target, ...condition, Key } }
}

interface Condition {
  readonly ConditionExpression?: string
  readonly ExpressionAttributeNames?: Record<string, string>
  readonly ExpressionAttributeValues?: Record<string, AttributeValue>
}

function conditionOf(expect: Expectation | undefined, index: number): Condition {
  if (expect === undefined) return {}
  if (expect === 'absent') return { ConditionExpression: 'attribute_not_exists(pk)' }
  const terms = ['attribute_exists(pk)']
  const names: Record<string, string> = {}
  const values: Record<string, AttributeValue> = {}
  for (const [at, [name, value]] of Object.entries(expect).entries()) {
    validateName(name, index)
    names[`#n${at}`] = name
    values[`:v${at}`] = value === null ? { S: 'NULL' } : attributeOf(value)
    terms.push(
      value === null
        ? `(attribute_not_exists(#n${at}) OR attribute_type(#n${at}, :v${at}))`
        : `#n${at} = :v${at}`,
    )
  }
  const ConditionExpression = terms.join(' AND ')
  if (terms.length === 1) return { ConditionExpression }
  return { ConditionExpression, ExpressionAttributeNames: names, ExpressionAttributeValues: values }
}

function tooMany(writes: number, actions: number): TerminalError {
  return new TerminalError({
    code: 'STATE_WRITE_TOO_MANY',
    fact: `A transaction of ${writes} writes that creates namespaces needs ${actions} actions, over the limit of ${maxActions}`,
    consequence: 'Nothing was written',
    next: 'Split it, if its parts need not happen together',
  })
}
