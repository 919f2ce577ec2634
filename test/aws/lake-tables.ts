import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { GetObjectCommand, type S3Client, type S3ServiceException } from '@aws-sdk/client-s3'
import { icebergManifests, icebergMetadata, icebergRead } from 'icebird'
import { plain, type Row } from '../support/duckdb.ts'
import type { DeployedPorts } from './deployment.ts'

/** A table of a deployed lake, read with `icebird` and without a word of Sluice but the catalog's pointer. */
export interface LakeTable {
  readonly tableUrl: string
  readonly metadataFileName: string
  /** By the manifests. */
  readonly rows: number
  readonly snapshots: number
  /** `s3://` locations of the current snapshot's data files. */
  readonly files: readonly string[]
}

/** Every table of the catalog, by `namespace.name`. */
export async function readTables({ catalog }: DeployedPorts): Promise<Record<string, LakeTable>> {
  const tables: Record<string, LakeTable> = {}
  for (const table of await catalog.list()) {
    const location = await catalog.load(table)
    if (location !== undefined) tables[`${table.namespace}.${table.name}`] = await readTable(location)
  }
  return tables
}

async function readTable(metadataLocation: string): Promise<LakeTable> {
  const [tableUrl, metadataFileName] = metadataLocation.split('/metadata/') as [string, string]
  const metadata = await icebergMetadata({ tableUrl, metadataFileName })
  const manifests = metadata['current-snapshot-id'] === undefined ? [] : await icebergManifests(metadata)
  const live = manifests.flatMap(({ entries }) => entries).filter(({ status }) => status !== 2)
  return {
    tableUrl,
    metadataFileName,
    rows: live.reduce((sum, { data_file }) => sum + Number(data_file.record_count), 0),
    snapshots: metadata.snapshots?.length ?? 0,
    files: live.map(({ data_file }) => data_file.file_path),
  }
}

/** All rows, without the columns that Sluice adds, in the order of the first column. */
export async function readRows({ tableUrl, metadataFileName }: LakeTable): Promise<Row[]> {
  const rows = (await icebergRead({ tableUrl, metadataFileName })).map(plain)
  const key = Object.keys(rows[0] ?? {})[0] as string
  return rows
    .map(({ _sluice_run_id, _sluice_loaded_at, ...row }) => row)
    .sort((a, b) => (String(a[key]) < String(b[key]) ? -1 : 1))
}

/** The data files as files of this machine. */
export async function downloadFiles({ files }: LakeTable, directory: string): Promise<string[]> {
  await mkdir(directory, { recursive: true })
  return await Promise.all(
    files.map(async (file) => {
      const path = join(directory, basename(file))
      const [bucket, ...key] = file.slice('s3://'.length).split('/')
      const response = await fetch(`https://${bucket}.s3.amazonaws.com/${key.join('/')}`)
      if (!response.ok) throw new Error(`${file}: ${response.status} ${response.statusText}`)
      await writeFile(path, new Uint8Array(await response.arrayBuffer()))
      return path
    }),
  )
}

const fetchFromWeb = globalThis.fetch

/** icebird reads `s3://` where S3 is on the web; this has `client` read it instead. Returns what undoes it. */
export function serveS3With(client: S3Client): () => void {
  globalThis.fetch = async (input, init) => {
    const at = /^https:\/\/([^/]+)\.s3\.amazonaws\.com\/(.*)$/.exec(String(input))
    if (at === null) return await fetchFromWeb(input, init)
    const Range = new Headers(init?.headers).get('range') ?? undefined
    const object = { Bucket: at[1] as string, Key: at[2] as string }
    try {
      const { Body } = await client.send(new GetObjectCommand({ ...object, Range }))
      const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array()
      return new Response(new Uint8Array(bytes), { status: Range === undefined ? 200 : 206 })
    } catch (error) {
      const status = (error as S3ServiceException).$metadata?.httpStatusCode ?? 500
      return new Response(null, { status, statusText: (error as Error).name })
    }
  }
  return () => {
    globalThis.fetch = fetchFromWeb
  }
}
