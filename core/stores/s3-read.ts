import { GetObjectCommand, type GetObjectCommandOutput, HeadObjectCommand } from '@aws-sdk/client-s3'
import { IntegrityError, SourceError } from '../errors.ts'
import { counted } from '../words.ts'
import { awsFault } from './aws-faults.ts'
import { pauseBefore } from './aws-pause.ts'
import type { ObjectInfo, ObjectPin, StoredObject } from './object-store.ts'
import { isNotFound, isPreconditionFailed } from './s3-faults.ts'
import { lastModified, objectAt, type S3Place, uriAt } from './s3-place.ts'

const maxTries = 4

/** Bytes from `start` to `end`, which is not included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

type Body = NonNullable<GetObjectCommandOutput['Body']>

export async function headObject(place: S3Place, key: string): Promise<ObjectInfo | undefined> {
  try {
    const { ContentLength, ETag, LastModified } = await place.client.send(
      new HeadObjectCommand(objectAt(place, key)),
    )
    return { key, size: ContentLength ?? 0, etag: ETag ?? '', last_modified: lastModified(LastModified) }
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** All bytes of one version. */
export async function getObject(place: S3Place, key: string): Promise<StoredObject> {
  return await reread(place, key, async () => {
    const answer = await place.client.send(new GetObjectCommand(objectAt(place, key)))
    return async () => {
      const body = (await answer.Body?.transformToByteArray()) ?? new Uint8Array()
      const { ETag, LastModified } = answer
      const info = {
        key,
        size: body.byteLength,
        etag: ETag ?? '',
        last_modified: lastModified(LastModified),
      }
      return { info, body }
    }
  })
}

/** A part of the pinned version. */
export async function readObject(
  place: S3Place,
  pin: ObjectPin,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const range = { start, end: Math.min(end, pin.size) }
  if (range.start < range.end) {
    return await fetchPinned(place, pin, range, (body) => body.transformToByteArray())
  }
  await ofPinned(place, pin, () =>
    place.client.send(new HeadObjectCommand({ ...objectAt(place, pin.key), IfMatch: pin.etag })),
  )
  return new Uint8Array()
}

/**
 * Gives the bytes of the pinned version, or of a range of it, to `consume`: again from the start when the
 * connection breaks. The request names the pinned entity tag, so that what arrives is that version, or nothing:
 * `SourceError` `OBJECT_CHANGED`.
 */
export async function fetchPinned<T>(
  place: S3Place,
  pin: ObjectPin,
  range: ByteRange | undefined,
  consume: (body: Body) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const { start, end } = range ?? { start: 0, end: pin.size }
  const request = {
    ...objectAt(place, pin.key),
    IfMatch: pin.etag,
    ...(range && { Range: `bytes=${start}-${end - 1}` }),
  }
  return await reread(place, pin.key, async () => {
    const command = new GetObjectCommand(request)
    const answer = await ofPinned(place, pin, () =>
      place.client.send(command, { ...(signal && { abortSignal: signal }) }),
    )
    const body = answer.Body as Body & { destroy(): void }
    if (sizeOf(answer) !== pin.size || answer.ContentLength !== end - start) {
      body.destroy()
      throw changed(place, pin)
    }
    return async () => await consume(body)
  })
}

/** 412: another version. 416: it ends before the range does, so it is not the one that was pinned. */
async function ofPinned<T>(place: S3Place, pin: ObjectPin, send: () => Promise<T>): Promise<T> {
  try {
    return await send()
  } catch (error) {
    const isAnother = isPreconditionFailed(error) || awsFault(error)?.status === 416
    throw isAnother ? changed(place, pin, error) : error
  }
}

/** The whole object's bytes, which the answer to a range tells after the slash. */
function sizeOf({ ContentRange, ContentLength }: GetObjectCommandOutput): number | undefined {
  return ContentRange === undefined ? ContentLength : Number(ContentRange.split('/')[1])
}

/**
 * Sends a request and reads the body of its answer. The client repeats a request that fails; this repeats both
 * when the connection breaks in the middle of the body, or when the bytes are not those of the checksum.
 */
async function reread<T>(place: S3Place, key: string, send: () => Promise<() => Promise<T>>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const readBody = await send()
    try {
      return await readBody()
    } catch (error) {
      const isDamaged = error instanceof Error && error.message.startsWith('Checksum mismatch')
      if (!isDamaged && awsFault(error) === undefined) throw error
      if (tries === maxTries) throw isDamaged ? damaged(place, key, error) : error
      await pauseBefore(tries)
    }
  }
}

function changed(place: S3Place, pin: ObjectPin, cause?: unknown): SourceError {
  return new SourceError({
    code: 'OBJECT_CHANGED',
    fact: `${uriAt(place, pin.key)} is not the version that was pinned: ${counted(pin.size, 'byte')} with the entity tag ${pin.etag}`,
    consequence: 'It was not read',
    next: 'Run again to pin the new version',
    details: { key: pin.key, pinned_etag: pin.etag },
    cause,
  })
}

function damaged(place: S3Place, key: string, cause: unknown): IntegrityError {
  return new IntegrityError({
    code: 'OBJECT_DIGEST_MISMATCH',
    fact: `The bytes of ${uriAt(place, key)} came ${maxTries} times with another checksum than S3 keeps of them`,
    consequence: 'They were not used',
    next: 'Look at what stands between this machine and S3; restore the object if another client sees it too',
    details: { key },
    cause,
  })
}
