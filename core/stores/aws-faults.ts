/**
 * What an error of an AWS client says about the request:
 *
 * - `denied`: the identity may not do this. `credentials`: there is no valid identity.
 * - `throttled`: refused now, not done, may succeed later.
 * - `unreached`: it never left this machine. Not done.
 * - `unanswered`: it left, and no answer or an answer of a broken service came. Done or not.
 * - `refused`: the service judged it and said no.
 */
export type AwsFaultKind = 'denied' | 'credentials' | 'throttled' | 'unreached' | 'unanswered' | 'refused'

export interface AwsFault {
  readonly kind: AwsFaultKind
  /** The service's name for it, `AccessDenied`, or the network's, `ECONNRESET`. */
  readonly name: string
  readonly message: string
  readonly status: number | undefined
}

const credentialNames = new Set([
  'CredentialsProviderError',
  'TokenProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidAccessKeyId',
  'InvalidSignatureException',
  'InvalidToken',
  'MissingAuthenticationTokenException',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
])

const throttleNames = new Set([
  'LimitExceededException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'SlowDown',
  'ThrottledException',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
])

const unreachedCodes = new Set(['ECONNREFUSED', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND'])

const brokenCodes = new Set([
  'ECONNABORTED',
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
])

/** Names of answers that leave open what happened: sockets that timed out, a transaction that is still under way. */
const unansweredNames = new Set([
  'AbortError',
  'InternalError',
  'InternalServerError',
  'RequestTimeout',
  'TimeoutError',
  'TransactionInProgressException',
])

/** `undefined` for an error that no service and no network made. */
export function awsFault(error: unknown): AwsFault | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, $metadata } = error as { code?: unknown; $metadata?: { httpStatusCode?: number } }
  const status = $metadata?.httpStatusCode
  const errno = typeof code === 'string' && (unreachedCodes.has(code) || brokenCodes.has(code)) ? code : ''
  const kind = neverConnected(error) ? 'unreached' : kindOf(error.name, errno, status)
  return kind && { kind, name: errno || error.name, message: error.message, status }
}

/** The client has one name for all its timeouts; should its words change, the fault counts as unanswered. */
function neverConnected(error: Error): boolean {
  return error.name === 'TimeoutError' && error.message.includes('did not establish a connection')
}

function kindOf(name: string, errno: string, status: number | undefined): AwsFaultKind | undefined {
  if (credentialNames.has(name)) return 'credentials'
  if (throttleNames.has(name) || status === 429) return 'throttled'
  if (unansweredNames.has(name) || brokenCodes.has(errno) || (status !== undefined && status >= 500))
    return 'unanswered'
  if (unreachedCodes.has(errno)) return 'unreached'
  if (status === 403 || name === 'AccessDeniedException') return 'denied'
  // An answer of 2xx that the client could not make sense of is no verdict.
  if (status !== undefined) return status >= 300 ? 'refused' : 'unanswered'
  return undefined
}
