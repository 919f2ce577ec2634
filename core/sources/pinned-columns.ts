import type { Engine } from '../engine/engine.ts'
import type { ReadPorts } from '../ports.ts'
import type { TablePin } from '../runs/extract-record.ts'
import { columnTypeOf } from '../sinks/iceberg-types.ts'
import { currentSchema } from '../tables/metadata.ts'
import { listDataFiles, loadTable } from '../tables/scan.ts'
import { mapParallel } from '../tables/table-files.ts'
import type { NestedField } from '../tables/types.ts'
import { pinLive } from './inputs.ts'
import { type ColumnRef, columnsSelect, downloadColumns } from './parquet-ranges.ts'

/** The columns of a pinned table, in its order. */
export async function pinnedFields(
  ports: Pick<ReadPorts, 'lake'>,
  pin: TablePin,
): Promise<readonly NestedField[]> {
  return currentSchema((await loadTable(ports.lake, pin.metadata_location)).metadata).fields
}

/** Throws `TerminalError` `COLUMN_TYPE_UNSUPPORTED`. */
export function fieldRef({ id, name, type }: NestedField): ColumnRef {
  return { name, field_id: id, type: columnTypeOf(type, name) }
}

/**
 * A SELECT of some columns of the pinned snapshot, of which nothing else is fetched. Rows of files from before one of
 * the columns was added have NULL in it; `skip` leaves them out.
 */
export async function selectPinned(
  ports: Pick<ReadPorts, 'lake'>,
  engine: Engine,
  pin: TablePin,
  columns: readonly ColumnRef[],
  lacking: 'skip' | 'null',
): Promise<string> {
  const { metadata } = await loadTable(ports.lake, pin.metadata_location)
  const live =
    pin.snapshot_id === null ? [] : await listDataFiles(ports.lake, metadata, BigInt(pin.snapshot_id))
  const pins = await mapParallel(live, (file) => pinLive(ports.lake, file))
  return columnsSelect(await downloadColumns(ports.lake, engine, pins, columns, lacking), columns)
}
