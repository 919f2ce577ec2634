import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { GetObjectCommand, type GetObjectCommandOutput, HeadObjectCommand } from '@aws-sdk/client-s3'
import { IntegrityError, SourceError } from '../errors.ts'
import { awsFault } from './aws-faults.ts'
import { inParallel } from './aws-parallel.ts'
import { pauseBefore } from './aws-pause.ts'
import { directoryFault } from './directory-faults.ts'
import type { ObjectInfo, ObjectPin, StoredObject } from './object-store.ts'
import { isNotFound, isPreconditionFailed } from './s3-faults.ts'
import { lastModified, objectAt, type S3Place, uriAt } from './s3-place.ts'

/** One connection to S3 gives 50 to 100 MB/s; above this, several are faster than one. */
const rangedAbove = 32 * 1024 * 1024
const rangeSize = 32 * 1024 * 1024
const rangesAtOnce = 6
/** With Node's default of 64 KiB the event loop costs as much CPU again as the copy. */
const writeBuffer = 8 * 1024 * 1024
const maxTries = 4

interface Range {
  readonly start: number
  /** Inclusive, as HTTP has it. */
  readonly end: number
}

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

/** Every request names the pinned entity tag, so that what arrives is that version, or nothing. */
export async function downloadObject(place: S3Place, pin: ObjectPin, into: string): Promise<string> {
  const folder = await locally(into, async () => {
    await mkdir(into, { recursive: true })
    return await mkdtemp(join(into, 'object-'))
  })
  const path = join(folder, basename(pin.key))
  try {
    await locally(path, async () => {
      await writeFile(path, '')
      await truncate(path, pin.size)
      if (pin.size > rangedAbove)
        await inParallel(rangesOf(pin.size), rangesAtOnce, fetchRange(place, pin, path))
      else await fetchRange(place, pin, path)(undefined)
    })
    return path
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    const isShorter = awsFault(error)?.status === 416
    throw isPreconditionFailed(error) || isShorter ? changed(place, pin, error) : error
  }
}

/** Writes one range of the pinned version, or all of it, to its place in the file. */
function fetchRange(place: S3Place, pin: ObjectPin, path: string) {
  return async (range: Range | undefined, signal?: AbortSignal): Promise<void> => {
    const { start, end } = range ?? { start: 0, end: pin.size - 1 }
    const command = new GetObjectCommand({
      ...objectAt(place, pin.key),
      IfMatch: pin.etag,
      ...(range && { Range: `bytes=${start}-${end}` }),
    })
    await reread(place, pin.key, async () => {
      const answer = await place.client.send(command, { ...(signal && { abortSignal: signal }) })
      const body = answer.Body as Readable
      if (sizeOf(answer) !== pin.size || answer.ContentLength !== end - start + 1) {
        body.destroy()
        throw changed(place, pin)
      }
      return async () => {
        const file = createWriteStream(path, { flags: 'r+', start, highWaterMark: writeBuffer })
        await pipeline(body, file, { ...(signal && { signal }) })
      }
    })
  }
}

/** The whole object's bytes, which a range's answer tells after the slash. */
function sizeOf({ ContentRange, ContentLength }: GetObjectCommandOutput): number | undefined {
  return ContentRange === undefined ? ContentLength : Number(ContentRange.split('/')[1])
}

/**
 * Sends a request and reads the body of its answer; the client repeats a request that fails, this repeats both
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
      if (isDamaged && tries === maxTries) throw damaged(place, key, error)
      if (tries === maxTries) throw error
      await pauseBefore(tries)
    }
  }
}

function rangesOf(size: number): readonly Range[] {
  const count = Math.ceil(size / rangeSize)
  return Array.from({ length: count }, (_, i) => ({
    start: i * rangeSize,
    end: Math.min(size, (i + 1) * rangeSize) - 1,
  }))
}

/** Gives the errors of the local disk their words. */
export async function locally<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw awsFault(error) ? error : directoryFault(error, join(path, '..'), basename(path))
  }
}

function changed(place: S3Place, pin: ObjectPin, cause?: unknown): SourceError {
  return new SourceError({
    code: 'OBJECT_CHANGED',
    fact: `${uriAt(place, pin.key)} is not the version that was pinned: ${pin.size} bytes with the entity tag ${pin.etag}`,
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
