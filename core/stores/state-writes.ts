import { TerminalError } from '../errors.ts'
import type { Expectation, Item, TableIdentifier, Write } from './state-store.ts'

/** DynamoDB's limits, held by every adapter, so that what runs on a laptop runs on AWS. */
const maxWrites = 100
const maxKeyBytes = 1024
/** DynamoDB's 400 KB count differently from JSON's bytes; this is safely below. */
const maxItemBytes = 256 * 1024
const maxTransactionBytes = 3 * 1024 * 1024

/**
 * Refuses what DynamoDB would refuse or JSON would change in silence (`NaN` to `null`, a `Date` to a string):
 * `TerminalError` `STATE_WRITE_TOO_MANY`, `STATE_WRITE_DUPLICATE`, `STATE_WRITE_TOO_LARGE`,
 * `STATE_WRITE_INVALID`, `STATE_KEY_INVALID` or `TABLE_IDENTIFIER_INVALID`. Returns, per write, the item's
 * JSON (`undefined` where nothing is put).
 */
export function prepareWrites(writes: readonly Write[]): readonly (string | undefined)[] {
  if (writes.length > maxWrites) {
    const fact = `A transaction of ${writes.length} writes is over the limit of ${maxWrites}`
    throw refused('STATE_WRITE_TOO_MANY', fact, 'Split it, if its parts need not happen together')
  }
  const seen = new Set<string>()
  const bodies = writes.map((write, index) => {
    const target = targetOf(write)
    if (seen.has(target)) {
      const fact = `Write ${index} is the second one to ${target} in one transaction`
      throw refused('STATE_WRITE_DUPLICATE', fact, 'Merge the two writes into one')
    }
    seen.add(target)
    if (write.kind !== 'pointer') validateExpectation(write.expect, index)
    return write.kind === 'put' ? jsonOf(write.item, index) : undefined
  })
  const bytes = bodies.reduce((sum, body) => sum + Buffer.byteLength(body ?? ''), 0)
  if (bytes > maxTransactionBytes) {
    throw tooLarge(`A transaction of ${bytes} bytes is over the limit of ${maxTransactionBytes}`)
  }
  return bodies
}

/** Whether the stored item (`undefined`: there is none) is what the write expects. */
export function holds(stored: Item | undefined, expect: Expectation | undefined): boolean {
  if (expect === undefined) return true
  if (expect === 'absent') return stored === undefined
  if (stored === undefined) return false
  return Object.entries(expect).every(([name, value]) => {
    const actual = Object.hasOwn(stored, name) ? stored[name] : null
    return actual === value
  })
}

export function validateStateKey(text: string, what: 'pk' | 'sk'): void {
  if (typeof text === 'string' && text !== '' && isStorable(text) && Buffer.byteLength(text) <= maxKeyBytes)
    return
  const fact = `The ${what} ${JSON.stringify(text)} is not 1 to ${maxKeyBytes} bytes of Unicode without NUL`
  throw refused('STATE_KEY_INVALID', fact)
}

/** One level of namespace and no dots, since catalogs join and split `namespace.name` at the dot. */
export function validateTable(table: TableIdentifier): void {
  for (const part of [table.namespace, table.name]) {
    if (typeof part === 'string' && /^[^.]{1,255}$/su.test(part) && isStorable(part)) continue
    const fact = `${JSON.stringify(part)} cannot be the namespace or the name of a table: 1 to 255 characters, no dot, no NUL`
    throw refused('TABLE_IDENTIFIER_INVALID', fact, 'Correct the table in the manifest')
  }
}

function targetOf(write: Write): string {
  if (write.kind === 'pointer') {
    validateTable(write.table)
    if (typeof write.next !== 'string' || write.next === '') {
      throw refused(
        'STATE_WRITE_INVALID',
        `The pointer of ${write.table.namespace}.${write.table.name} cannot be empty`,
      )
    }
    return `table ${JSON.stringify([write.table.namespace, write.table.name])}`
  }
  const { pk, sk } = write.kind === 'put' ? write.item : write
  validateStateKey(pk, 'pk')
  validateStateKey(sk, 'sk')
  return `item ${JSON.stringify([pk, sk])}`
}

function validateExpectation(expect: Expectation | undefined, index: number): void {
  if (expect === undefined || expect === 'absent') return
  for (const [name, value] of Object.entries(expect)) {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') continue
    if (Number.isFinite(value)) continue
    throw refused('STATE_WRITE_INVALID', `Write ${index} expects of ${name} what no stored scalar can be`)
  }
}

function jsonOf(item: Item, index: number): string {
  const path = unstorable(item)
  if (path !== undefined) {
    throw refused('STATE_WRITE_INVALID', `Write ${index} has a value that JSON cannot hold, at "${path}"`)
  }
  const json = JSON.stringify(item)
  const bytes = Buffer.byteLength(json)
  if (bytes <= maxItemBytes) return json
  throw tooLarge(`The item ${item.pk} / ${item.sk} has ${bytes} bytes, over the limit of ${maxItemBytes}`)
}

/** Where in the value something is that would not come back as it went in; `undefined` members are left out. */
function unstorable(value: unknown, path = ''): string | undefined {
  if (value === null || typeof value === 'boolean') return undefined
  if (typeof value === 'string') return value.isWellFormed() ? undefined : path
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : path
  if (typeof value !== 'object') return path
  if (!Array.isArray(value) && !isPlain(value)) return path
  for (const [name, member] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`
    if (member === undefined && !Array.isArray(value)) continue
    const found = name.isWellFormed() ? unstorable(member, at) : at
    if (found !== undefined) return found
  }
  return undefined
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

function tooLarge(fact: string): TerminalError {
  return refused('STATE_WRITE_TOO_LARGE', fact, 'Put the large part into an object and its key into the item')
}

function refused(code: string, fact: string, next?: string): TerminalError {
  return new TerminalError({ code, fact, consequence: 'Nothing was written', next })
}
