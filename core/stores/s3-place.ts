import type { S3Client } from '@aws-sdk/client-s3'

/** Where a store's objects are, for the parts that it is made of. */
export interface S3Place {
  readonly client: S3Client
  readonly bucket: string
  /** What every object's S3 key begins with: empty, or ending with a slash. */
  readonly prefix: string
}

/** The two names of an object, as S3's requests take them. */
export function objectAt(place: S3Place, key: string): { Bucket: string; Key: string } {
  return { Bucket: place.bucket, Key: place.prefix + key }
}

export function uriAt(place: S3Place, key: string): string {
  return `s3://${place.bucket}/${place.prefix}${key}`
}

/** HTTP's dates have whole seconds and S3's listings show the same ones; emulators add milliseconds to some. */
export function lastModified(date: Date | undefined): string {
  const seconds = Math.floor((date ?? new Date()).getTime() / 1000)
  return new Date(seconds * 1000).toISOString()
}
