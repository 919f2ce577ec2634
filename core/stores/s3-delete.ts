import { type _Error as DeleteFailure, DeleteObjectCommand, DeleteObjectsCommand } from '@aws-sdk/client-s3'
import { RetryableError, TerminalError } from '../errors.ts'
import { counted } from '../words.ts'
import { pauseBefore } from './aws-pause.ts'
import { s3Fault } from './s3-faults.ts'
import { objectAt, type S3Place, uriAt } from './s3-place.ts'

const batchSize = 1000
const maxTries = 5

/** Deletes in batches. What S3 could not delete for the moment is tried again; what it refuses is named. */
export async function deleteObjects(place: S3Place, keys: readonly string[]): Promise<void> {
  const unique = [...new Set(keys)]
  const inXml = unique.filter((key) => !hasControl(key))
  for (let at = 0; at < inXml.length; at += batchSize) {
    await deleteBatch(place, inXml.slice(at, at + batchSize))
  }
  for (const key of unique.filter(hasControl)) {
    await sending(place, key, () => place.client.send(new DeleteObjectCommand(objectAt(place, key))))
  }
}

async function deleteBatch(place: S3Place, batch: readonly string[]): Promise<void> {
  let left = batch
  for (let tries = 1; ; tries++) {
    const failures = await deleteOnce(place, left)
    if (failures.length === 0) return
    const isHopeless = failures.some((failure) => !isTemporary(failure))
    if (isHopeless || tries === maxTries) throw notDeleted(place, failures, isHopeless)
    left = failures.map((failure) => keyOf(place, failure))
    await pauseBefore(tries)
  }
}

async function deleteOnce(place: S3Place, keys: readonly string[]): Promise<readonly DeleteFailure[]> {
  const Objects = keys.map((key) => ({ Key: place.prefix + key }))
  const command = new DeleteObjectsCommand({ Bucket: place.bucket, Delete: { Objects, Quiet: true } })
  const { Errors } = await sending(place, keys[0]!, () => place.client.send(command))
  return Errors ?? []
}

async function sending<T>(place: S3Place, key: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send()
  } catch (error) {
    throw s3Fault(error, place, key, 's3:DeleteObject')
  }
}

function notDeleted(place: S3Place, failures: readonly DeleteFailure[], isHopeless: boolean): Error {
  const first = failures.slice(0, 3).map((failure) => `${keyOf(place, failure)} (${failure.Code})`)
  const denied = failures.some((failure) => failure.Code === 'AccessDenied')
  const rest = failures.length > first.length ? ` and ${failures.length - first.length} more` : ''
  const Kind = isHopeless ? TerminalError : RetryableError
  return new Kind({
    code: denied ? 'OBJECT_STORE_DENIED' : isHopeless ? 'OBJECT_STORE_FAILED' : 'OBJECT_STORE_BUSY',
    fact: `S3 did not delete ${counted(failures.length, 'object')} under ${uriAt(place, '')}: ${first.join(', ')}${rest}`,
    consequence: 'They are still there; the others of the batch are gone',
    next: denied ? "Grant s3:DeleteObject to this function's role, or remove what denies it" : 'Try again',
    details: { keys: failures.slice(0, 100).map((failure) => keyOf(place, failure)), count: failures.length },
  })
}

function keyOf(place: S3Place, failure: DeleteFailure): string {
  return (failure.Key ?? '').slice(place.prefix.length)
}

function isTemporary({ Code }: DeleteFailure): boolean {
  return ['InternalError', 'ServiceUnavailable', 'SlowDown', 'RequestTimeout'].includes(Code ?? '')
}

/** What the XML of a batch cannot hold; such a key goes into the address of a request of its own. */
function hasControl(key: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return /[\u0000-\u001f\ufffe\uffff]/.test(key)
}
