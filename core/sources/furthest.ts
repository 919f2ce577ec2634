import { ruleLiteral } from '../contract/rules.ts'
import type { ScanColumn } from '../contract/scan.ts'
import { quoteLiteral } from '../engine/sql.ts'
import type { ReadPorts } from '../ports.ts'

type Watermark = Readonly<Record<string, string | null>>

/**
 * By column the largest of the values, in the order of the column's type, in the spelling in which it came; `null` where
 * no value is there. As one scan over everything would have found it.
 */
export async function furthestOf(
  ports: Pick<ReadPorts, 'engines'>,
  watermarks: readonly Watermark[],
  columns: readonly ScanColumn[],
  signal: AbortSignal,
): Promise<Watermark> {
  const found = Object.keys(watermarks[0] ?? {}).map((name) => ({
    name,
    values: [...new Set(watermarks.flatMap((watermark) => watermark[name] ?? []))],
  }))
  const open = found.filter(({ values }) => values.length > 1)
  const largest = new Map(found.map(({ name, values }) => [name, values[0] ?? null]))
  if (open.length === 0) return Object.fromEntries(largest)
  await ports.engines.use(
    async (engine) => {
      for (const { name, values } of open) {
        const { type } = columns.find((column) => column.name === name) as ScanColumn
        const rows = values.map((value) => `(${quoteLiteral(value)}, ${ruleLiteral(type, value)})`).join(', ')
        const [row] = await engine.rows<{ value: string }>(
          `SELECT arg_max(v, typed) AS value FROM (VALUES ${rows}) t(v, typed)`,
        )
        largest.set(name, row!.value)
      }
    },
    { signal },
  )
  return Object.fromEntries(largest)
}
