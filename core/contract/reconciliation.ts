/**
 * The rows of a load against an independent count of what it was to read. Exactly one of the keys of `against` is
 * there; which of them a dataflow can have is a rule of the manifest (core/manifest/reconciliation-rules.ts).
 */
export interface Reconciliation {
  readonly against: {
    /** Beside each object of the source another one, named as it is and this: the number of its rows, as text. */
    readonly sidecar?: string
    /** An object of the source's connection: JSON, with the number of rows of all objects together at `row_count`. */
    readonly control_file?: string
    /** What the footers of the Parquet objects say. */
    readonly parquet_footers?: true
    /** The rows of a table, as it was when it was pinned: `namespace.name`. */
    readonly table?: string
  }
  /** `read`: all that the source gave. `judged`: accepted and quarantined. */
  readonly rows: 'read' | 'judged' | 'accepted'
  /** By how much the two may differ, inclusive; `pct` is percent of the independent count. */
  readonly tolerance: { readonly mode: 'absolute' | 'pct'; readonly value: number }
}

/** The rows by which the two counts may differ. */
export function toleratedRows({ tolerance }: Reconciliation, expected: number): number {
  return tolerance.mode === 'absolute' ? tolerance.value : (expected * tolerance.value) / 100
}

/** The number that a sidecar or, at `row_count`, a control file holds; `undefined` for any other text. */
export function parseRowCount(kind: 'sidecar' | 'control_file', text: string): number | undefined {
  const number = kind === 'sidecar' ? plainNumber(text.trim()) : jsonNumber(text)
  return number !== undefined && Number.isSafeInteger(number) && number >= 0 ? number : undefined
}

function plainNumber(text: string): number | undefined {
  return /^\d{1,16}$/.test(text) ? Number(text) : undefined
}

function jsonNumber(text: string): number | undefined {
  try {
    const count: unknown = (JSON.parse(text) as { row_count?: unknown } | null)?.row_count
    return typeof count === 'number' ? count : undefined
  } catch {
    return undefined
  }
}
