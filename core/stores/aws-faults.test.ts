import { describe, expect, it } from 'vitest'
import { type AwsFaultKind, awsFault } from './aws-faults.ts'

const fault = (name: string, members: object) => Object.assign(new Error('m'), { name, ...members })
const status = (httpStatusCode: number) => ({ $metadata: { httpStatusCode } })

describe('awsFault', () => {
  const cases: readonly (readonly [name: string, members: object, kind: AwsFaultKind | undefined])[] = [
    ['AccessDenied', status(403), 'denied'],
    ['Forbidden', status(403), 'denied'],
    ['AccessDeniedException', status(400), 'denied'],
    ['CredentialsProviderError', {}, 'credentials'],
    ['ExpiredToken', status(400), 'credentials'],
    ['SignatureDoesNotMatch', status(403), 'credentials'],
    ['SlowDown', status(503), 'throttled'],
    ['ThrottlingException', status(400), 'throttled'],
    ['Whatever', status(429), 'throttled'],
    ['Error', { code: 'ECONNREFUSED' }, 'unreached'],
    ['Error', { code: 'ENOTFOUND' }, 'unreached'],
    ['Error', { code: 'ECONNRESET' }, 'unanswered'],
    ['TimeoutError', {}, 'unanswered'],
    [
      'TimeoutError',
      { message: 'the request socket did not establish a connection with the server' },
      'unreached',
    ],
    ['InternalServerError', status(500), 'unanswered'],
    ['ServiceUnavailable', status(503), 'unanswered'],
    ['TransactionInProgressException', status(400), 'unanswered'],
    ['SyntaxError', status(200), 'unanswered'],
    ['NoSuchKey', status(404), 'refused'],
    ['ValidationException', status(400), 'refused'],
    ['TypeError', {}, undefined],
    ['Error', { code: 'ENOSPC' }, undefined],
  ]
  it.each(cases)('takes %s %j for %s', (name, members, kind) => {
    expect(awsFault(fault(name, members))?.kind).toBe(kind)
  })

  it('takes what is no error for none', () => {
    expect(awsFault(undefined)).toBeUndefined()
    expect(awsFault('AccessDenied')).toBeUndefined()
  })
})
