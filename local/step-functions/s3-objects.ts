import { GetObjectCommand, PutObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3'
import type { ObjectService, ObjectSummary } from '../asl/index.ts'

/** The objects that an ItemReader reads and a ResultWriter writes, in S3. */
export function s3Objects(client: S3Client): ObjectService {
  return {
    getObject: async (Bucket, Key) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
      return (await Body?.transformToByteArray()) ?? new Uint8Array()
    },
    putObject: async (Bucket, Key, Body) => {
      await client.send(new PutObjectCommand({ Bucket, Key, Body }))
    },
    listObjects: (Bucket, Prefix) => list(client, Bucket, Prefix),
  }
}

async function* list(client: S3Client, Bucket: string, Prefix: string): AsyncIterable<ObjectSummary> {
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket, Prefix })) {
    for (const { Key, Size, ETag, LastModified, StorageClass } of Contents) {
      if (Key === undefined) continue
      yield {
        key: Key,
        size: Size ?? 0,
        ...(ETag === undefined ? {} : { etag: ETag }),
        ...(LastModified === undefined ? {} : { lastModified: LastModified }),
        ...(StorageClass === undefined ? {} : { storageClass: StorageClass }),
      }
    }
  }
}
