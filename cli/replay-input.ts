import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { ConditionFailedError, ManifestError } from '../core/errors.ts'
import type { Dataflow, SourceFormat } from '../core/manifest/types.ts'
import { loadDataflow } from '../core/runs/manifest-store.ts'
import type { ReplayInput, ReplayPlan } from '../core/runs/replay.ts'
import { readRun } from '../core/runs/runs.ts'
import type { ObjectRef } from '../core/stores/object-ref.ts'
import type { Records, WritableRecords } from './home.ts'
import { coversSql, type Quarantine, withRejectedRows } from './quarantine-files.ts'
import { plainCsv, writeRawLines } from './quarantine-raw.ts'
import { plural } from './words.ts'

/** A copy to work on: what is looked at, named in the plan and stored are then the same bytes. */
export async function copyOf(path: string, scratch: string): Promise<string> {
  const info = await stat(path).catch(() => undefined)
  if (!info?.isFile()) throw refused(`there is no file ${path}`, 'Name the file of corrected rows')
  const copy = join(scratch, `corrected${extname(path)}`)
  await copyFile(path, copy)
  return copy
}

export async function refOf(path: string): Promise<Pick<ObjectRef, 'size' | 'sha256'>> {
  return { size: (await stat(path)).size, sha256: await sha256Of(path) }
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}

const formats: Readonly<Record<string, SourceFormat>> = {
  '.csv': 'csv',
  '.ndjson': 'ndjson',
  '.json': 'json',
  '.parquet': 'parquet',
}

/** Under the name of its content, so that it is stored once. */
export function inputRef(
  { index }: Quarantine,
  { size, sha256 }: Pick<ObjectRef, 'size' | 'sha256'>,
  end: string,
): ObjectRef {
  return {
    key: `quarantine/${index.run_id}/${index.dataflow}/replay-${sha256.slice(0, 24)}${end}`,
    size,
    sha256,
  }
}

/** A CSV file is read as the dataflow's own are, where it reads CSV. */
export function inputOf(
  found: Quarantine,
  { source }: Dataflow,
  path: string,
  ref: Pick<ObjectRef, 'size' | 'sha256'>,
  origin: ReplayInput['origin'],
): ReplayInput {
  const end = extname(path)
  const format = formats[end]
  if (format === undefined)
    throw refused(
      `${path} ends in none of ${Object.keys(formats).join(', ')}`,
      'Name the file after its format',
    )
  const csv = format === 'csv' ? { csv: { ...(source?.csv ?? plainCsv), header: true } } : {}
  return { object: inputRef(found, ref, end), format, ...csv, origin }
}

/** Text is replayed as it was delivered to the run that rejected it. What was typed would pass through JSON's numbers, which are not exact. */
export async function rawRows(
  records: Records,
  found: Quarantine,
  { covers, rows }: Pick<ReplayPlan, 'covers' | 'rows'>,
  scratch: string,
): Promise<string> {
  const { run_id, dataflow: name } = found.index
  const { source } = await loadDataflow(records.evidence, (await readRun(records, run_id)).manifest, name)
  if (found.index.pii_policy !== 'preserve' || source?.format === 'parquet') {
    const why =
      source?.format === 'parquet'
        ? 'Parquet values are not kept exactly'
        : `its rows were not kept (pii_policy: ${found.index.pii_policy})`
    throw refused(
      `${name} cannot be replayed without corrected rows: ${why}`,
      'Name them: --from corrected.csv',
    )
  }
  const { hidden_columns } = found.index
  if (hidden_columns.length > 0) {
    throw refused(
      `${name} cannot be replayed without corrected rows: they were kept without ${hidden_columns.join(', ')}, which transformers hide or the table does not take`,
      'Name them: --from corrected.csv',
    )
  }
  const path = join(scratch, 'raw.ndjson')
  const written = await withRejectedRows(records, found, (open) =>
    writeRawLines(open, `NOT acknowledged AND ${coversSql(covers)}`, path),
  )
  if (written === rows) return path
  throw refused(
    `${rows - written} of the ${plural(rows, 'row')} could not be split into columns, or be kept whole`,
    'Acknowledge them (--code source.structure), or name corrected rows with --from',
  )
}

export async function storeInput(
  records: WritableRecords,
  { object }: ReplayInput,
  local: string,
  scratch: string,
): Promise<void> {
  // The store may take the file that it is given.
  const copy = join(scratch, `input${extname(local)}`)
  await copyFile(local, copy)
  await once(() => records.evidence.upload(object.key, copy, 'absent'))
}

/** What is named by its content may be there already. */
export async function once(write: () => Promise<unknown>): Promise<void> {
  try {
    await write()
  } catch (error) {
    if (!(error instanceof ConditionFailedError)) throw error
  }
}

/** A policy that keeps no raw rows of the rejected keeps none of the corrected either, once the run has ended. */
export async function removeInput(
  records: WritableRecords,
  { object }: Pick<ReplayInput, 'object'>,
  keeps: boolean,
): Promise<void> {
  if (!keeps) await records.evidence.delete([object.key])
}

export function refused(fact: string, next: string): ManifestError {
  return new ManifestError({
    code: 'REPLAY_REFUSED',
    fact,
    consequence: 'Nothing was planned or written',
    next,
  })
}
