import { RetryableError, SluiceError, TerminalError, UnknownOutcomeError } from '../errors.ts'
import { type AwsFault, awsFault } from './aws-faults.ts'

/** IAM has no action for the transaction itself. */
const writeActions =
  'TransactWriteItems (dynamodb:PutItem, dynamodb:UpdateItem, dynamodb:DeleteItem, dynamodb:ConditionCheckItem)'

/** Our error for one that a read got; any other error is returned as it is. */
export function readFault(error: unknown, table: string, action: string): unknown {
  const fault = error instanceof SluiceError ? undefined : awsFault(error)
  return fault === undefined ? error : refusalOf(fault, error, table, action, 'Nothing was read')
}

/**
 * Our error for a transaction that got no verdict. `tries` are the faults of every single request that the
 * client sent for it: one that may have arrived makes the outcome unknown, whatever the last one says.
 */
export function writeFault(error: unknown, tries: readonly unknown[], table: string): unknown {
  const fault = error instanceof SluiceError ? undefined : awsFault(error)
  if (fault === undefined) return error
  const open = [...tries, error].find((each) => awsFault(each)?.kind === 'unanswered')
  if (open === undefined) {
    return refusalOf(fault, error, table, writeActions, 'Nothing was written')
  }
  const { name, message } = awsFault(open) as AwsFault
  return new UnknownOutcomeError({
    code: 'STATE_WRITE_UNKNOWN',
    fact: `DynamoDB did not tell what became of a transaction on ${table} (${name}: ${message})`,
    consequence: 'It may or may not have happened',
    next: 'It is read back before anything that rests on it is written',
    details: { dynamodb_error: name },
    cause: error,
  })
}

function refusalOf(
  fault: AwsFault,
  cause: unknown,
  table: string,
  action: string,
  consequence: string,
): SluiceError {
  const said = `${fault.name}: ${fault.message}`
  const particulars = { consequence, details: { table, dynamodb_error: fault.name, action }, cause }
  if (fault.kind === 'denied' || fault.kind === 'credentials') {
    const isDenied = fault.kind === 'denied'
    return new TerminalError({
      code: 'STATE_STORE_DENIED',
      fact: isDenied
        ? `AWS refused ${action} on the table ${table} (${said})`
        : `There are no valid AWS credentials for ${action} on the table ${table} (${said})`,
      next: isDenied
        ? 'Grant the action that the message names, on the table and its indexes, to the role'
        : 'Sign in again, or correct the credentials and the clock of this machine',
      ...particulars,
    })
  }
  if (fault.name === 'ResourceNotFoundException') {
    return new TerminalError({
      code: 'STATE_STORE_MISSING',
      fact: `There is no DynamoDB table ${table} with the index that ${action} needs (${said})`,
      next: 'Deploy the stack, or correct the name of the table and the region',
      ...particulars,
    })
  }
  if (fault.kind === 'refused') {
    return new TerminalError({
      code: 'STATE_STORE_FAILED',
      fact: `DynamoDB refused ${action} on the table ${table} (${said})`,
      next: 'Compare the table with its definition; report this if they agree',
      ...particulars,
    })
  }
  return new RetryableError({
    code: 'STATE_STORE_BUSY',
    fact: `DynamoDB could not serve ${action} on the table ${table} now (${said})`,
    next: 'Try again; if it stays so, look at the throttled requests of the table and at the network',
    ...particulars,
  })
}
