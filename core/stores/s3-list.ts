import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import { isReservedName, validateKey } from './object-key.ts'
import type { ObjectInfo } from './object-store.ts'
import { s3Fault } from './s3-faults.ts'
import { lastModified, type S3Place } from './s3-place.ts'

/**
 * Objects whose key starts with the prefix, a page of 1,000 at a time. S3 lists in the order of UTF-8 bytes,
 * which is code-point order. The empty objects that consoles make for "folders" are none of ours; any other
 * object that no key can name is an error (`OBJECT_KEY_INVALID`), since leaving it out would lose its rows in
 * silence.
 */
export async function* listObjects(place: S3Place, prefix: string): AsyncGenerator<ObjectInfo> {
  let token: string | undefined
  do {
    const page = await listPage(place, prefix, token)
    for (const { Key, Size, ETag, LastModified } of page.Contents ?? []) {
      const key = decodeKey(Key ?? '').slice(place.prefix.length)
      const size = Size ?? 0
      if (isReservedName(key.split('/')[0] ?? '')) continue
      if ((key === '' || key.endsWith('/')) && size === 0) continue
      yield { key: validateKey(key), size, etag: ETag ?? '', last_modified: lastModified(LastModified) }
    }
    token = page.IsTruncated ? page.NextContinuationToken : undefined
  } while (token !== undefined)
}

async function listPage(place: S3Place, prefix: string, token: string | undefined) {
  try {
    return await place.client.send(
      new ListObjectsV2Command({
        Bucket: place.bucket,
        Prefix: place.prefix + prefix,
        // XML cannot hold every character that a key can.
        EncodingType: 'url',
        ...(token !== undefined && { ContinuationToken: token }),
      }),
    )
  } catch (error) {
    throw s3Fault(error, place, prefix, 's3:ListBucket')
  }
}

function decodeKey(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll('+', ' '))
}
