import type { ColumnStats } from '../engine/engine.ts'
import type { StagedFile } from './contract-record.ts'
import type { GateEntry } from './records.ts'

/**
 * A gate's entry as the evidence has it. The contract gate's record says of each file the least and the greatest value of
 * each column, and the values of its partition, because gate 8 writes them into the table's manifests. They are values of
 * rows, and who may read evidence need not be who may read the table; so the evidence has counts and sizes alone. Of all
 * columns, because no manifest says which of them hold personal data, and of a partial mask parts of the value stay.
 */
export function withoutValues(entry: GateEntry): GateEntry {
  if (entry.gate !== 'contract' || entry.record === undefined) return entry
  const record = entry.record as NonNullable<GateEntry<'contract'>['record']>
  return { ...entry, record: { ...record, files: record.files.map(countsOf) } }
}

function countsOf({ partition_values: _values, stats, ...file }: StagedFile): StagedFile {
  const { columns, nested, partition: _texts, ...sizes } = stats
  const inside = nested === undefined ? {} : { nested: countsOfEach(nested) }
  return { ...file, stats: { ...sizes, columns: countsOfEach(columns), ...inside, partition: {} } }
}

function countsOfEach(columns: Readonly<Record<string, ColumnStats>>): Record<string, ColumnStats> {
  const counts = ({ min: _least, max: _greatest, ...rest }: ColumnStats): ColumnStats => rest
  return Object.fromEntries(Object.entries(columns).map(([name, stats]) => [name, counts(stats)]))
}
