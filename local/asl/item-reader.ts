import { gunzipSync } from 'node:zlib'
import { csvItems, parseCsv } from './csv.ts'
import { StatesError } from './errors.ts'
import { isObject, type JsonObject } from './json.ts'
import type { ItemReader } from './model.ts'
import type { ObjectService, ObjectSummary } from './objects.ts'

export interface ReadItems {
  readonly items: readonly unknown[]
  /** `$states.context.Map.Item.Source`. */
  readonly source: string
}

function failed(cause: string): StatesError {
  return new StatesError({ error: 'States.ItemReaderFailed', cause })
}

function text(body: Uint8Array | string): string {
  return typeof body === 'string' ? body : Buffer.from(body).toString('utf8')
}

function parseJson(body: string, what: string): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    throw failed(`${what} is not JSON: ${(error as Error).message}`)
  }
}

function jsonLines(body: string, key: string): unknown[] {
  const items: unknown[] = []
  for (const [i, line] of body.split('\n').entries()) {
    if (line.trim() !== '') items.push(parseJson(line, `line ${i + 1} of ${key}`))
  }
  return items
}

function list(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  throw failed('Attempting to map over non-iterable node.')
}

function csv(body: string, reader: ItemReader): unknown[] {
  try {
    const rows = parseCsv(body, reader.csvDelimiter)
    const [first = [], ...others] = rows
    return reader.csvHeaders === undefined ? csvItems(others, first) : csvItems(rows, reader.csvHeaders)
  } catch (error) {
    throw failed((error as Error).message)
  }
}

/** An S3 Inventory: `manifest.json` names CSV files (mostly gzip) whose columns are its `fileSchema`. */
async function inventory(objects: ObjectService, manifest: unknown): Promise<unknown[]> {
  const { fileFormat, fileSchema, destinationBucket, files } = isObject(manifest)
    ? manifest
    : ({} as JsonObject)
  if (typeof destinationBucket !== 'string' || typeof fileSchema !== 'string' || !Array.isArray(files)) {
    throw failed(
      'the manifest is not that of an S3 Inventory: it needs destinationBucket, fileSchema and files',
    )
  }
  if (fileFormat !== 'CSV')
    throw failed(`the manifest's fileFormat is ${String(fileFormat)}; only CSV is read`)
  const headers = fileSchema.split(',').map((name) => name.trim())
  const bucket = destinationBucket.replace(/^arn:[^:]*:s3:::/, '')
  const items: unknown[] = []
  for (const file of files) {
    const key = isObject(file) ? file.key : undefined
    if (typeof key !== 'string') throw failed('a file of the manifest has no key')
    const body = await objects.getObject(bucket, key)
    const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : Buffer.from(body)
    const rows = parseCsv((key.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'), ',')
    for (const item of csvItems(rows, headers)) items.push(item)
  }
  return items
}

function summaryItem(object: ObjectSummary): JsonObject {
  return {
    ...(object.etag === undefined ? {} : { Etag: object.etag }),
    Key: object.key,
    ...(object.lastModified === undefined ? {} : { LastModified: object.lastModified.getTime() / 1000 }),
    Size: object.size,
    StorageClass: object.storageClass ?? 'STANDARD',
  }
}

async function listItems(
  objects: ObjectService,
  bucket: string,
  prefix: string,
  most: number,
): Promise<unknown[]> {
  const items: unknown[] = []
  for await (const object of await objects.listObjects(bucket, prefix)) {
    if (items.length >= most) break
    items.push(summaryItem(object))
  }
  return items
}

async function fileItems(
  objects: ObjectService,
  reader: ItemReader,
  bucket: string,
  key: string,
): Promise<unknown[]> {
  const body = text(await objects.getObject(bucket, key))
  switch (reader.inputType) {
    case 'JSON':
      return list(parseJson(body, key))
    case 'JSONL':
      return jsonLines(body, key)
    case 'CSV':
      return csv(body, reader)
    default:
      return inventory(objects, parseJson(body, key))
  }
}

/**
 * The items of a Distributed Map's ItemReader, at most `maxItems`. Throws `States.ItemReaderFailed`, whatever the
 * reason: a missing object, text that is not what InputType says, arguments that are not strings.
 */
export async function readItems(
  objects: ObjectService,
  reader: ItemReader,
  args: unknown,
  maxItems: number | undefined,
): Promise<ReadItems> {
  const known = ['Bucket', reader.list ? 'Prefix' : 'Key']
  if (!isObject(args)) throw failed("the ItemReader's Arguments must be an object")
  for (const [name, value] of Object.entries(args)) {
    if (!known.includes(name)) throw failed(`the ItemReader's argument "${name}" is not supported`)
    if (typeof value !== 'string') throw failed(`the ItemReader's argument "${name}" must be a string`)
  }
  const { Bucket: bucket, Key: key, Prefix: prefix = '' } = args as Record<string, string | undefined>
  if (bucket === undefined || (!reader.list && key === undefined)) {
    throw failed(`the ItemReader's Arguments need ${known.join(' and ')}`)
  }
  const most = maxItems ?? Number.POSITIVE_INFINITY
  try {
    if (reader.list)
      return { items: await listItems(objects, bucket, prefix, most), source: `s3://${bucket}` }
    const items = await fileItems(objects, reader, bucket, key as string)
    return { items: items.length > most ? items.slice(0, most) : items, source: `s3://${bucket}/${key}` }
  } catch (error) {
    if (error instanceof StatesError) throw error
    throw failed(error instanceof Error ? error.message : String(error))
  }
}
