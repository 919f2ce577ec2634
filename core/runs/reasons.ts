import type { ReasonCount } from './contract-record.ts'

/** Of several scans, in the order of one: the most frequent first, then by column and rule. */
export function sumReasons(counts: readonly ReasonCount[]): ReasonCount[] {
  const sums = new Map<string, ReasonCount>()
  for (const reason of counts) {
    const key = JSON.stringify([reason.column, reason.rule, reason.name])
    sums.set(key, { ...reason, count: reason.count + (sums.get(key)?.count ?? 0) })
  }
  const text = ({ column, rule, name }: ReasonCount) =>
    `${column ?? '\u{10FFFF}'} ${rule} ${name ?? '\u{10FFFF}'}`
  return [...sums.values()].sort((a, b) => b.count - a.count || (text(a) < text(b) ? -1 : 1))
}
