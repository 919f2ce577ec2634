import type { Dataflow, RenderedManifest } from '../manifest/types.ts'

/** A dataflow as the loader renders it, for tests: reads files, or `sql`, and writes `t.<name>`. */
export function flow(name: string, parts: Partial<Dataflow> & { readonly sql?: string } = {}): Dataflow {
  const { sql, ...rest } = parts
  const source = {
    connection: 'landing',
    path: `${name}/*.csv`,
    format: 'parquet',
    compression: 'auto',
    watermark_columns: [],
    changed_objects: 'fail',
    allow_missing: false,
  } as const
  return {
    name,
    is_active: true,
    tags: [],
    depends_on: [],
    ...(sql === undefined ? { source } : { transform: { sql, watermark_columns: [] } }),
    column_names: 'lower',
    contract: {
      enforcement: 'strict',
      columns: {},
      quarantine: { pii_policy: 'reference_only', retention_days: 30 },
    },
    schema_evolution: {
      mode: 'widening',
      columns: 'evolve',
      data_type: 'evolve',
      nullability: 'relax',
      narrowing: 'fail',
      column_order: 'table',
      apply_safe: true,
    },
    sink: { connection: 'lake', table: `t.${name}`, load_type: 'overwrite' },
    ...rest,
  }
}

export function manifestOf(dataflows: readonly Dataflow[]): RenderedManifest {
  const connections = { landing: { type: 'files', path: './landing' }, lake: { type: 'lake' } } as const
  return { version: 1, project: 'demo', connections, dataflows }
}
