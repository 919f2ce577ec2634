import { compareCodePoints } from './code-point-order.ts'
import type { Expectation, Item, TableIdentifier, Write } from './state-store.ts'

/** What a state store and catalog hold, in the plainest terms: the yardstick for the adapters' property test. */
export interface StateModel {
  items: Map<string, Item>
  pointers: Map<string, string>
}

export function emptyModel(): StateModel {
  return { items: new Map(), pointers: new Map() }
}

/** Applies all writes and returns `undefined`, or none and returns the index of the first that does not hold. */
export function applyToModel(model: StateModel, writes: readonly Write[]): number | undefined {
  const failed = writes.findIndex((write) => !isAllowed(model, write))
  if (failed >= 0) return failed
  for (const write of writes) {
    if (write.kind === 'put') {
      model.items.set(keyOf(write.item.pk, write.item.sk), JSON.parse(JSON.stringify(write.item)) as Item)
    }
    if (write.kind === 'delete') model.items.delete(keyOf(write.pk, write.sk))
    if (write.kind === 'pointer') model.pointers.set(tableKey(write.table), write.next)
  }
  return undefined
}

export function itemsOf(model: StateModel, pk: string, skPrefix = ''): Item[] {
  return [...model.items.values()]
    .filter((item) => item.pk === pk && item.sk.startsWith(skPrefix))
    .sort((a, b) => compareCodePoints(a.sk, b.sk))
}

export function tableKey(table: TableIdentifier): string {
  return `${table.namespace}.${table.name}`
}

function isAllowed(model: StateModel, write: Write): boolean {
  if (write.kind === 'pointer') return model.pointers.get(tableKey(write.table)) === write.base
  const { pk, sk } = write.kind === 'put' ? write.item : write
  return isExpected(model.items.get(keyOf(pk, sk)), write.expect)
}

function isExpected(item: Item | undefined, expect: Expectation | undefined): boolean {
  if (expect === undefined) return true
  if (expect === 'absent' || item === undefined) return expect === 'absent' && item === undefined
  return Object.keys(expect).every((name) => (item[name] ?? null) === expect[name])
}

function keyOf(pk: string, sk: string): string {
  return JSON.stringify([pk, sk])
}
