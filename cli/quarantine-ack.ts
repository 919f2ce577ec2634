import { ManifestError } from '../core/errors.ts'
import {
  acknowledgeWrite,
  type Covers,
  maxAcknowledgements,
  maxRowIds,
  type QuarantineItem,
  writeQuarantineItem,
} from '../core/runs/acknowledgements.ts'
import { oneOrMany } from '../core/words.ts'
import { exitCodes } from './fail.ts'
import { type Records, withWritableRecords } from './home.ts'
import type { Io } from './io.ts'
import {
  countRows,
  coversSql,
  findQuarantine,
  type Quarantine,
  withRejectedRows,
} from './quarantine-files.ts'
import { emit } from './report.ts'
import { whoAsks } from './who.ts'
import { plural } from './words.ts'

export interface RowChoice {
  readonly row?: readonly string[]
  readonly code?: readonly string[]
}

export interface AckOptions extends RowChoice {
  readonly reason: string
  readonly by?: string
}

/** Records that rows may stay out of the table, and why. Doing it again changes nothing. */
export async function ackQuarantine(
  io: Io,
  runId: string,
  dataflow: string,
  options: AckOptions,
): Promise<number> {
  const covers = coversOf(options)
  const reason = options.reason.trim()
  if (reason === '') throw refused('--reason is empty', 'Say why the rows may stay out')
  return await withWritableRecords(io, runId, async (records) => {
    const found = await findQuarantine(records, runId, dataflow)
    const rows = await pendingRows(records, found, covers)
    if (rows > 0) {
      const by = options.by ?? whoAsks()
      const at = new Date().toISOString()
      const { ref, index, item } = found
      await writeQuarantineItem(
        records,
        acknowledgeWrite(item, { ref, ...index }, { covers, rows, by, at, reason }),
      )
    }
    const data = { schema: 'sluice.acknowledgement.v1', run_id: runId, dataflow, covers, rows, reason }
    const text =
      rows === 0
        ? `Nothing to acknowledge: no such row of ${dataflow} in run ${runId} is pending`
        : `${plural(rows, 'row')} of ${dataflow} in run ${runId} ${oneOrMany(rows, 'is', 'are')} acknowledged`
    emit(io, data, [{ kind: 'text', text }])
    return exitCodes.success
  })
}

/** All rows that are pending, unless some are chosen. Throws `ManifestError` `ROW_CHOICE_INVALID`. */
export function coversOf({ row, code }: RowChoice): Covers {
  if (row !== undefined && code !== undefined) {
    throw refused('--row and --code are both given', 'Choose by one of them')
  }
  if (row === undefined) return code === undefined ? { all: true } : { codes: [...new Set(code)].sort() }
  const row_ids = [...new Set(row)].sort()
  const wrong = row_ids.find((id) => !/^[0-9a-f]{32}$/.test(id))
  if (wrong !== undefined)
    throw refused(`${JSON.stringify(wrong)} is no row id`, 'They are shown by: sluice quarantine show')
  if (row_ids.length <= maxRowIds) return { row_ids }
  throw refused(
    `${row_ids.length} rows are named, and at most ${maxRowIds} can be at once`,
    'Choose by --code, or all',
  )
}

/**
 * How many rows the choice covers that nobody has acknowledged. Throws `ManifestError` `ROW_CHOICE_INVALID` for rows and
 * codes that this quarantine does not have.
 */
export async function pendingRows(records: Records, found: Quarantine, covers: Covers): Promise<number> {
  checkRoom(found.item)
  return await withRejectedRows(records, found, async (open) => {
    if ('row_ids' in covers) {
      const known = await countRows(open, coversSql(covers))
      if (known !== covers.row_ids.length)
        throw refused(
          `${covers.row_ids.length - known} of the ${plural(covers.row_ids.length, 'row')} ${oneOrMany(covers.row_ids.length - known, 'is', 'are')} none of this quarantine`,
          'They are shown by: sluice quarantine show',
        )
    }
    if ('codes' in covers) {
      const known = new Set(found.index.reasons.map(({ code }) => code))
      const other = covers.codes.find((code) => !known.has(code))
      if (other !== undefined)
        throw refused(
          `no row was rejected for ${other}`,
          `Reasons of this quarantine: ${[...known].sort().join(', ')}`,
        )
    }
    return await countRows(open, `NOT acknowledged AND ${coversSql(covers)}`)
  })
}

function checkRoom(item: QuarantineItem | undefined): void {
  if ((item?.acknowledged.length ?? 0) < maxAcknowledgements) return
  throw refused(
    `this quarantine has ${maxAcknowledgements} acknowledgements, and has no room for another one`,
    'Run the dataflow again, or correct the rows at their source',
  )
}

function refused(fact: string, next: string): ManifestError {
  return new ManifestError({
    code: 'ROW_CHOICE_INVALID',
    fact,
    consequence: 'Nothing was acknowledged',
    next,
  })
}
