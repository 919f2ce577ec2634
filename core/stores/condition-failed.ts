import { ConditionFailedError } from '../errors.ts'
import type { Write } from './state-store.ts'

/** What every adapter says where the condition of one write of a transaction does not hold; `index`: which of them. */
export function conditionFailed(write: Write, index: number): ConditionFailedError {
  const consequence = 'Nothing of the transaction was written'
  if (write.kind === 'pointer') {
    const table = `${write.table.namespace}.${write.table.name}`
    return new ConditionFailedError({
      code: 'TABLE_POINTER_MOVED',
      fact:
        write.base === undefined ? `The table ${table} exists` : `The table ${table} is not at ${write.base}`,
      consequence,
      details: { table },
      index,
    })
  }
  const { pk, sk } = write.kind === 'put' ? write.item : write
  return new ConditionFailedError({
    code: 'STATE_CONDITION_FAILED',
    fact: `The item ${pk} / ${sk} is not what write ${index} expects of it`,
    consequence,
    details: { pk, sk },
    index,
  })
}
