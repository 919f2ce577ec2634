/** An object as `listObjects` reports it. */
export interface ObjectSummary {
  readonly key: string
  /** Bytes. */
  readonly size: number
  readonly etag?: string
  readonly lastModified?: Date
  readonly storageClass?: string
}

/** The object storage that ItemReader and ResultWriter use. Keys and buckets are passed through as they are. */
export interface ObjectService {
  getObject(bucket: string, key: string): Promise<Uint8Array | string>
  putObject(bucket: string, key: string, body: string): Promise<void>
  /** All objects whose key starts with the prefix, in key order. */
  listObjects(
    bucket: string,
    prefix: string,
  ): Promise<readonly ObjectSummary[]> | AsyncIterable<ObjectSummary>
}
