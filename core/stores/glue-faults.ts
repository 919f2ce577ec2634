import { ConditionFailedError, RetryableError, SluiceError, TerminalError } from '../errors.ts'
import { awsFault } from './aws-faults.ts'

/** The write met another writer: the entry is there, is gone, or is another version by now. */
const movedNames = new Set([
  'AlreadyExistsException',
  'ConcurrentModificationException',
  'EntityNotFoundException',
  'VersionMismatchException',
])

/** Glue answers them with 400, though nothing is wrong with the request. */
const busyNames = new Set([
  'InternalServiceException',
  'OperationTimeoutException',
  'ResourceNotReadyException',
])

export function isMissing(error: unknown): boolean {
  return awsFault(error)?.name === 'EntityNotFoundException'
}

export function isAlreadyThere(error: unknown): boolean {
  return awsFault(error)?.name === 'AlreadyExistsException'
}

/** Our error for one that Glue answered or the network threw; any other error is returned as it is. */
export function glueFault(error: unknown, action: string, target: string): unknown {
  const fault = error instanceof SluiceError ? undefined : awsFault(error)
  if (fault === undefined) return error
  const said = `${fault.name}: ${fault.message}`
  const particulars = { details: { glue_error: fault.name, action }, cause: error }
  if (movedNames.has(fault.name)) {
    return new ConditionFailedError({
      code: 'MIRROR_ENTRY_MOVED',
      fact: `The entry of ${target} in Glue was written by somebody else (${said})`,
      consequence: 'This write was not done',
      next: 'Read both catalogs again',
      ...particulars,
    })
  }
  if (fault.kind === 'denied' || fault.kind === 'credentials') {
    return new TerminalError({
      code: 'MIRROR_DENIED',
      fact: `AWS refused ${action} on ${target} (${said})`,
      consequence: 'Athena does not see the newest version of the table',
      next: `Grant ${action} to the mirror's role, in IAM and, where the account uses it, in Lake Formation`,
      ...particulars,
    })
  }
  if (fault.kind === 'refused' && !busyNames.has(fault.name)) {
    return new TerminalError({
      code: 'MIRROR_REFUSED',
      fact: `Glue refused ${action} on ${target} (${said})`,
      consequence: 'Athena does not see the newest version of the table',
      next: 'Compare the table with the limits of Glue; report this if it is within them',
      ...particulars,
    })
  }
  return new RetryableError({
    code: 'MIRROR_BUSY',
    fact: `Glue could not serve ${action} on ${target} now (${said})`,
    consequence: 'It is tried again; until then Athena may read the version before',
    ...particulars,
  })
}
