import { randomUUID } from 'node:crypto'
import {
  type CancellationReason,
  type TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb'
import { RetryableError, TerminalError } from '../errors.ts'
import { pauseBefore } from './aws-pause.ts'
import { conditionFailed } from './condition-failed.ts'
import { actionsOf, type Prepared } from './dynamodb-actions.ts'
import { writeFault } from './dynamodb-faults.ts'
import type { DynamoPlace } from './dynamodb-place.ts'
import type { Write } from './state-store.ts'

/** Each meets another transaction on the same items with a chance of its own; all waits together are about 6 s. */
const maxTries = 10
const temporaryCodes = ['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']

/**
 * One `TransactWriteItems` with a token of its own, which the client repeats with the same token while answers
 * get lost: DynamoDB applies it once and answers each the same. A transaction that met another one was not
 * applied, and is sent anew.
 */
export async function transactWrites(place: DynamoPlace, writes: readonly Write[]): Promise<void> {
  for (let tries = 1; ; tries++) {
    const prepared = await actionsOf(place, writes)
    const reasons = await send(place, prepared.actions)
    if (reasons === undefined) return
    const codes = reasons.map((reason) => reason.Code ?? 'None')
    const isTemporary = codes.some((code) => temporaryCodes.includes(code))
    const failed = codes.indexOf('ConditionalCheckFailed')
    const isLast = tries === maxTries
    if (failed >= 0 && (isLast || !(isTemporary || mayHold(writes[failed]!, prepared, failed)))) {
      throw conditionFailed(writes[failed]!, failed)
    }
    if (failed < 0 && !isTemporary) throw refused(reasons)
    if (isLast) throw busy(codes)
    await pauseBefore(tries)
  }
}

/** The reasons why the transaction was cancelled; `undefined`: it was applied. */
async function send(
  place: DynamoPlace,
  actions: readonly TransactWriteItem[],
): Promise<readonly CancellationReason[] | undefined> {
  const command = new TransactWriteItemsCommand({
    ClientRequestToken: randomUUID(),
    TransactItems: [...actions],
  })
  const faults: unknown[] = []
  command.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args)
      } catch (error) {
        faults.push(error)
        throw error
      }
    },
    // Inside the client's own retries, which tell of the last fault only.
    { name: 'recordEachTry', step: 'finalizeRequest', priority: 'low' },
  )
  try {
    await place.client.send(command)
    return undefined
  } catch (error) {
    if ((error as Error).name !== 'TransactionCanceledException') {
      throw writeFault(error, faults, `${place.stateTable} or ${place.catalogTable}`)
    }
    return (error as TransactionCanceledException).CancellationReasons ?? []
  }
}

/** The pointer was at its base when its version was read: only the version moved, so another look is due. */
function mayHold(write: Write, prepared: Prepared, index: number): boolean {
  if (write.kind !== 'pointer' || write.base === undefined) return false
  return prepared.entries.get(index)?.location === write.base
}

function refused(reasons: readonly CancellationReason[]): TerminalError {
  const index = reasons.findIndex((reason) => (reason.Code ?? 'None') !== 'None')
  const { Code, Message } = reasons[index] ?? {}
  return new TerminalError({
    code: 'STATE_STORE_FAILED',
    fact: `DynamoDB refused write ${index} of a transaction (${Code}: ${Message})`,
    consequence: 'Nothing was written',
    next: 'Compare the tables with their definitions; report this if they agree',
    details: { index, dynamodb_error: Code },
  })
}

function busy(codes: readonly string[]): RetryableError {
  const code = codes.find((each) => temporaryCodes.includes(each))
  return new RetryableError({
    code: 'STATE_STORE_BUSY',
    fact: `A transaction met others on the same items, or a throttled table, ${maxTries} times (${code})`,
    consequence: 'Nothing was written',
    next: 'Try again, with fewer workers if it stays so',
    details: { dynamodb_error: code },
  })
}
