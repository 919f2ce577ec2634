import { existsSync, readFileSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import avro from 'avsc'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

/**
 * Rows and files of a table, read without a word of Sluice: JSON, `avsc` for the manifests, `hyparquet` for
 * the rows. (icebird reads the same tables in the tests of core/tables and of the example; its inflating takes
 * 100 ms a manifest, too long for some hundred lakes.)
 */
export interface TableView {
  readonly rows: readonly Record<string, unknown>[]
  /** Run id and dataflow of every snapshot, from its summary. */
  readonly snapshots: readonly string[]
  /** Every file that the current metadata refers to, in any of its snapshots, as absolute paths. */
  readonly referenced: ReadonlySet<string>
}

interface Metadata {
  readonly 'current-snapshot-id'?: number
  readonly 'metadata-log'?: readonly { readonly 'metadata-file': string }[]
  readonly snapshots?: readonly {
    readonly 'snapshot-id': number
    readonly 'manifest-list': string
    readonly summary: Readonly<Record<string, string>>
  }[]
}

interface Entry {
  /** 2: deleted. */
  readonly status: number
  readonly data_file: {
    readonly content: number
    readonly file_path: string
    readonly file_size_in_bytes: number
    readonly record_count: number
  }
}

/** Reads the table that a metadata file describes. Throws where a file is missing or is not as its manifest says. */
export async function viewTable(metadataLocation: string): Promise<TableView> {
  const metadata = JSON.parse(readFileSync(fileURLToPath(metadataLocation), 'utf8')) as Metadata
  const log = (metadata['metadata-log'] ?? []).map((entry) => entry['metadata-file'])
  const referenced = new Set([metadataLocation, ...log].map((uri) => fileURLToPath(uri)))
  const rows: Record<string, unknown>[] = []
  for (const snapshot of metadata.snapshots ?? []) {
    const isCurrent = snapshot['snapshot-id'] === metadata['current-snapshot-id']
    referenced.add(fileURLToPath(snapshot['manifest-list']))
    for (const { manifest_path } of await avroRecords<{ manifest_path: string }>(snapshot['manifest-list'])) {
      referenced.add(fileURLToPath(manifest_path))
      for (const { status, data_file } of await avroRecords<Entry>(manifest_path)) {
        const path = fileURLToPath(data_file.file_path)
        referenced.add(path)
        const { size } = statSync(path)
        if (size !== data_file.file_size_in_bytes)
          throw new Error(`${path} has ${size} bytes, not ${data_file.file_size_in_bytes}`)
        if (!isCurrent || status === 2) continue
        const found = await parquetRows(path)
        if (data_file.content !== 0 || found.length !== data_file.record_count)
          throw new Error(`${path} is not as its manifest says`)
        for (const row of found) rows.push(row)
      }
    }
  }
  const snapshots = (metadata.snapshots ?? []).map(
    ({ summary }) => `${summary['sluice.run-id']}/${summary['sluice.dataflow']}`,
  )
  return { rows, snapshots, referenced }
}

async function avroRecords<T>(uri: string): Promise<T[]> {
  const records: T[] = []
  const decoder = avro.createFileDecoder(fileURLToPath(uri))
  decoder.on('data', (record: T) => records.push(record))
  const ended = Promise.withResolvers<void>()
  decoder.once('end', ended.resolve)
  decoder.once('error', ended.reject)
  await ended.promise
  return records
}

async function parquetRows(path: string): Promise<Record<string, unknown>[]> {
  const { buffer, byteOffset, byteLength } = readFileSync(path)
  const file = buffer.slice(byteOffset, byteOffset + byteLength)
  return await parquetReadObjects({ file, compressors })
}

/** Absolute paths of all files below a directory, without the hidden folder for unfinished ones. */
export async function filesBelow(directory: string): Promise<string[]> {
  if (!existsSync(directory)) return []
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes('/.tmp/'))
}
