import { S3Client } from '@aws-sdk/client-s3'
import { TerminalError } from '../errors.ts'
import { validateKey, validatePrefix } from './object-key.ts'
import type { ObjectStore } from './object-store.ts'
import { deleteObjects } from './s3-delete.ts'
import { downloadObject } from './s3-download.ts'
import { s3Fault } from './s3-faults.ts'
import { listObjects } from './s3-list.ts'
import type { S3Place } from './s3-place.ts'
import { getObject, headObject, readObject } from './s3-read.ts'
import { putBytes, uploadFile } from './s3-write.ts'

/** 1,024 bytes are S3's limit for a key, and keys of ours have up to 900. */
const maxPrefixBytes = 120

export interface S3StoreOptions {
  readonly bucket: string
  /** Under which all objects are, without slashes at its ends; `''` for the whole bucket. */
  readonly prefix: string
  /** Default: {@link newS3Client}. */
  readonly client?: S3Client
}

/**
 * Objects under a prefix of an S3 bucket.
 *
 * - **Atomic and durable**: as S3 is; a reader sees the old object or the new one, whole.
 * - **Conditions** are S3's conditional writes (`If-None-Match: *`, `If-Match`), also for multipart uploads.
 *   Each call marks its object (`x-amz-meta-sluice-write`), so that a repeated request whose first answer was
 *   lost recognises its own object instead of failing on it.
 * - **Integrity**: every upload carries SHA-256, which S3 verifies before it stores; whole reads of objects
 *   with a checksum are verified. Ranged reads of large objects rest on TLS and on the size.
 * - **Pins** are entity tags, and a read names its pin: it never gets another version. S3 makes the entity tag
 *   of the bytes, so the same bytes again are the same version.
 *
 * Throws, beside what {@link ObjectStore} says, `TerminalError` `OBJECT_STORE_DENIED` (with the IAM action that
 * is missing), `OBJECT_STORE_MISSING`, `OBJECT_STORE_FAILED` and `RetryableError` `OBJECT_STORE_BUSY`.
 */
export function openS3Store(options: S3StoreOptions): ObjectStore {
  const prefix = validateOptions(options)
  const place: S3Place = { client: options.client ?? newS3Client(), bucket: options.bucket, prefix }
  const reading = <T>(key: string, work: () => Promise<T>) =>
    work().catch((error: unknown) => {
      throw s3Fault(error, place, key, 's3:GetObject')
    })
  const writing = <T>(key: string, work: () => Promise<T>) =>
    work().catch((error: unknown) => {
      throw s3Fault(error, place, key, 's3:PutObject')
    })
  return {
    uri: `s3://${options.bucket}/${prefix}`.replace(/\/$/, ''),
    get: async (key) => {
      validateKey(key)
      return await reading(key, () => getObject(place, key))
    },
    read: async (pin, start, end) => {
      validateKey(pin.key)
      return await reading(pin.key, () => readObject(place, pin, start, end))
    },
    head: async (key) => {
      validateKey(key)
      return await reading(key, () => headObject(place, key))
    },
    list: (prefix) => listObjects(place, validatePrefix(prefix)),
    put: async (key, body, condition) => {
      validateKey(key)
      const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body
      return await writing(key, () => putBytes(place, key, bytes, condition))
    },
    upload: async (key, localPath, condition) => {
      validateKey(key)
      return await writing(key, () => uploadFile(place, key, localPath, condition))
    },
    download: async (pin, into) => {
      validateKey(pin.key)
      return await reading(pin.key, () => downloadObject(place, pin, into))
    },
    delete: async (keys) => {
      for (const key of keys) validateKey(key)
      await deleteObjects(place, keys)
    },
  }
}

/**
 * A client for these stores, with region, credentials and endpoint from the environment
 * (`AWS_REGION`, `AWS_ENDPOINT_URL_S3`, …): five tries, and no wait without an end. An endpoint of one's own is
 * addressed by path, since `bucket.localhost` has no address.
 */
export function newS3Client(): S3Client {
  const hasEndpoint = Boolean(process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL)
  return new S3Client({
    maxAttempts: 5,
    forcePathStyle: hasEndpoint,
    requestHandler: { connectionTimeout: 3_000, socketTimeout: 30_000, httpsAgent: { maxSockets: 64 } },
  })
}

function validateOptions({ bucket, prefix }: S3StoreOptions): string {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw optionInvalid(`${JSON.stringify(bucket)} is not the name of a bucket`)
  }
  if (bucket.endsWith('--x-s3')) {
    throw optionInvalid(`${bucket} is a directory bucket, whose listings have no order`)
  }
  if (prefix === '') return ''
  validateKey(prefix)
  if (Buffer.byteLength(prefix) <= maxPrefixBytes) return `${prefix}/`
  throw optionInvalid(`The prefix ${JSON.stringify(prefix)} is longer than ${maxPrefixBytes} bytes`)
}

function optionInvalid(fact: string): TerminalError {
  return new TerminalError({
    code: 'OBJECT_STORE_INVALID',
    fact,
    consequence: 'The store was not opened',
    next: 'Give a general purpose bucket and a short prefix',
  })
}
