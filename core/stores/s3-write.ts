import { randomUUID } from 'node:crypto'
import { readFile, rm, stat } from 'node:fs/promises'
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { ConditionFailedError } from '../errors.ts'
import { awsFault } from './aws-faults.ts'
import { pauseBefore } from './aws-pause.ts'
import type { ObjectInfo, PutCondition } from './object-store.ts'
import { locally } from './s3-download.ts'
import { isConditionalConflict, isNotFound, isPreconditionFailed } from './s3-faults.ts'
import { type ConditionHeaders, sha256Base64, uploadParts } from './s3-multipart.ts'
import { lastModified, objectAt, type S3Place, uriAt } from './s3-place.ts'
import { multipartAbove } from './s3-sizes.ts'

const maxTries = 5
/** `x-amz-meta-sluice-write`: which call wrote the object. */
const markName = 'sluice-write'

/** Sends the object once, with the mark and under the condition, and returns its entity tag. */
type Send = (metadata: Record<string, string>, condition: ConditionHeaders) => Promise<string | undefined>

export async function putBytes(
  place: S3Place,
  key: string,
  bytes: Uint8Array,
  condition: PutCondition | undefined,
): Promise<ObjectInfo> {
  const request = { ...objectAt(place, key), Body: bytes, ContentLength: bytes.byteLength }
  const ChecksumSHA256 = sha256Base64(bytes)
  return await write(place, key, bytes.byteLength, condition, async (Metadata, headers) => {
    const command = new PutObjectCommand({ ...request, ChecksumSHA256, Metadata, ...headers })
    return (await place.client.send(command)).ETag
  })
}

/** The local file is removed when it is stored: `/tmp` is small. */
export async function uploadFile(
  place: S3Place,
  key: string,
  path: string,
  condition: PutCondition | undefined,
): Promise<ObjectInfo> {
  const { size } = await locally(path, () => stat(path))
  const info =
    size <= multipartAbove
      ? await putBytes(place, key, await locally(path, () => readFile(path)), condition)
      : await write(place, key, size, condition, (metadata, headers) =>
          uploadParts(place, key, path, size, metadata, headers),
        )
  await rm(path, { force: true }).catch(() => undefined)
  return info
}

/**
 * A condition may fail on our own object, when the first answer was lost and the client repeated the request:
 * the mark tells it from anyone else's, also where both have the same bytes.
 */
async function write(
  place: S3Place,
  key: string,
  size: number,
  condition: PutCondition | undefined,
  send: Send,
): Promise<ObjectInfo> {
  const mark = randomUUID()
  for (let tries = 1; ; tries++) {
    try {
      const etag = await send({ [markName]: mark }, headersOf(condition))
      return await infoOf(place, key, size, etag ?? '')
    } catch (error) {
      const isLost = awsFault(error)?.kind === 'unanswered' || isUploadGone(error)
      if (isLost || attemptsOf(error) > 1) {
        const ours = await findOurs(place, key, mark, isLost)
        if (ours !== undefined) return ours
      }
      if (isRefusedBy(condition, error)) throw conditionFailed(place, key, condition, error)
      if (tries === maxTries || !(isConditionalConflict(error) || isUploadGone(error))) throw error
      await pauseBefore(tries)
    }
  }
}

function headersOf(condition: PutCondition | undefined): ConditionHeaders {
  if (condition === undefined) return {}
  return condition === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: condition.etag }
}

/** S3 answers a write over a version with 404 where there is no object. */
function isRefusedBy(condition: PutCondition | undefined, error: unknown): boolean {
  if (condition === undefined || isUploadGone(error)) return false
  return isPreconditionFailed(error) || (condition !== 'absent' && isNotFound(error))
}

/** Completed by a request whose answer was lost, or aborted by someone else. */
function isUploadGone(error: unknown): boolean {
  return awsFault(error)?.name === 'NoSuchUpload'
}

function attemptsOf(error: unknown): number {
  return (error as { $metadata?: { attempts?: number } }).$metadata?.attempts ?? 1
}

/** Whether the object that is there now is the one that this call wrote. */
async function findOurs(
  place: S3Place,
  key: string,
  mark: string,
  isLost: boolean,
): Promise<ObjectInfo | undefined> {
  try {
    const head = await place.client.send(new HeadObjectCommand(objectAt(place, key)))
    if (head.Metadata?.[markName] !== mark) return undefined
    const { ContentLength, ETag, LastModified } = head
    return { key, size: ContentLength ?? 0, etag: ETag ?? '', last_modified: lastModified(LastModified) }
  } catch (error) {
    // After a lost answer the first error tells more than this one.
    if (isNotFound(error) || isLost) return undefined
    throw error
  }
}

/**
 * S3 does not tell a new object's date in its answer. When another version is there already, or the role may
 * only write, our own clock's must do: the object is stored, and that is what counts.
 */
async function infoOf(place: S3Place, key: string, size: number, etag: string): Promise<ObjectInfo> {
  const head = await place.client
    .send(new HeadObjectCommand({ ...objectAt(place, key), IfMatch: etag }))
    .catch(() => undefined)
  return { key, size, etag, last_modified: lastModified(head?.LastModified) }
}

function conditionFailed(
  place: S3Place,
  key: string,
  condition: PutCondition | undefined,
  cause: unknown,
): ConditionFailedError {
  const why =
    condition === 'absent'
      ? 'there is one already'
      : isNotFound(cause)
        ? 'there is none any more'
        : 'it is another version'
  return new ConditionFailedError({
    code: 'OBJECT_CONDITION_FAILED',
    fact: `The object ${uriAt(place, key)} was not written: ${why}`,
    consequence: 'The stored object stayed as it was',
    details: { key },
    cause,
  })
}
