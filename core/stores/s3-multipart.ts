import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { inParallel } from './aws-parallel.ts'
import { locally } from './s3-download.ts'
import { objectAt, type S3Place } from './s3-place.ts'
import { maxParts, partSize } from './s3-sizes.ts'

/** 64 MiB in memory. */
const partsAtOnce = 4

/** The request headers that make a write conditional. */
export interface ConditionHeaders {
  readonly IfNoneMatch?: '*'
  readonly IfMatch?: string
}

/**
 * Uploads a file in parts, from buffers, so that each part can be sent again. Nothing shows before the last
 * request, which carries the condition. When anything fails the upload is aborted, after which it can no
 * longer become an object; parts that even this leaves behind are the bucket's lifecycle rule's to remove.
 */
export async function uploadParts(
  place: S3Place,
  key: string,
  path: string,
  size: number,
  metadata: Record<string, string>,
  condition: ConditionHeaders,
): Promise<string | undefined> {
  const object = objectAt(place, key)
  const file = await locally(path, () => open(path))
  try {
    const { UploadId } = await place.client.send(
      new CreateMultipartUploadCommand({ ...object, ChecksumAlgorithm: 'SHA256', Metadata: metadata }),
    )
    const upload = { ...object, UploadId }
    try {
      const send = async (part: Part, signal: AbortSignal): Promise<CompletedPart> => {
        const body = await locally(path, () => readPart(file, part))
        const named = { PartNumber: part.number, ChecksumSHA256: sha256Base64(body) }
        const command = new UploadPartCommand({ ...upload, ...named, Body: body, ContentLength: part.size })
        const { ETag } = await place.client.send(command, { abortSignal: signal })
        return { ...named, ETag }
      }
      const Parts = [...(await inParallel(partsOf(size), partsAtOnce, send))]
      const { ETag } = await place.client.send(
        new CompleteMultipartUploadCommand({
          ...upload,
          ...condition,
          MultipartUpload: { Parts },
          MpuObjectSize: size,
        }),
      )
      return ETag
    } catch (error) {
      await place.client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined)
      throw error
    }
  } finally {
    await file.close()
  }
}

export function sha256Base64(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}

interface Part {
  /** From 1. */
  readonly number: number
  readonly start: number
  readonly size: number
}

function partsOf(size: number): readonly Part[] {
  const each = Math.max(partSize, Math.ceil(size / maxParts))
  return Array.from({ length: Math.ceil(size / each) }, (_, i) => ({
    number: i + 1,
    start: i * each,
    size: Math.min(each, size - i * each),
  }))
}

async function readPart(file: FileHandle, part: Part): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(part.size)
  for (let at = 0; at < part.size; ) {
    const { bytesRead } = await file.read(buffer, at, part.size - at, part.start + at)
    if (bytesRead === 0) throw Object.assign(new Error('the file became shorter'), { code: 'EIO' })
    at += bytesRead
  }
  return buffer
}
