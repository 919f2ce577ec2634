import type { Path } from './located.ts'
import { suggest } from './near.ts'
import { dataflowSchema } from './schema.ts'
import type { Connection, CsvOptions, Dataflow, FileSource } from './types.ts'

/** Reports one problem at a path inside of what is checked. */
export type Report = (path: Path, message: string, hint: string) => void

export interface Known {
  /** Every connection's name; `undefined` for one that is broken itself. */
  readonly connections: ReadonlyMap<string, Connection | undefined>
}

/** A dataflow of which only the parts that fit the schema are there. */
export type Draft = DeepPartial<Dataflow>

type DeepPartial<T> = T extends readonly unknown[] | string | number | boolean
  ? T
  : { readonly [K in keyof T]?: DeepPartial<T[K]> }

/**
 * What no single key can tell: the rules across the keys of one dataflow. Each rule judges only where the
 * keys that it needs are there. `keys` are the keys given; what is absent is judged only where all of them are known.
 */
export function checkDataflow(draft: Draft, keys: ReadonlySet<string>, known: Known, report: Report): void {
  const { source, sink } = draft
  if (keys.has('source') && keys.has('transform')) {
    report(
      ['transform'],
      '`source` and `transform` are both given',
      'A dataflow has one of them: make it two dataflows',
    )
  }
  const misspelt = [...keys].some((key) => !Object.hasOwn(dataflowSchema.shape, key))
  if (!misspelt && !keys.has('source') && !keys.has('transform')) {
    report(
      [],
      'a dataflow needs `source` or `transform`',
      'Add source for files, or transform for SQL over tables',
    )
  }
  if (source !== undefined) checkSource(source, report)
  checkConnection(['source', 'connection'], source?.connection, 'files', known, report)
  checkConnection(['sink', 'connection'], sink?.connection, 'lake', known, report)
  checkWatermark(draft, report)
  checkQuarantinePolicies(draft, report)
  checkWindow(draft, report)
  checkChangedObjects(draft, report)
  if (!misspelt && draft.execution_order !== undefined && !keys.has('group_number')) {
    const message = '`execution_order` without `group_number` orders nothing'
    report(['execution_order'], message, 'Add group_number: the order holds among the dataflows of one group')
  }
}

function checkWatermark({ source, transform, sink }: Draft, report: Report): void {
  const key = source === undefined ? 'transform' : 'source'
  const columns = (source ?? transform)?.watermark_columns
  if (columns === undefined) return
  if (sink?.load_type === 'overwrite' && columns.length > 0) {
    const message =
      '`watermark_columns` with `load_type: overwrite` would replace the table by its newest rows alone'
    report([key, 'watermark_columns'], message, 'Use load_type: append, or leave watermark_columns out')
  }
  if (sink?.load_type === 'append' && source === undefined && columns.length === 0) {
    const message =
      '`load_type: append` of a transform without `watermark_columns` would add the same rows in every run'
    report(
      ['sink', 'load_type'],
      message,
      'Add watermark_columns to the transform, or use load_type: overwrite',
    )
  }
}

function checkWindow({ sink }: Draft, report: Report): void {
  const { apply, window } = sink?.physical ?? {}
  if (apply === undefined || (apply === 'safe_window') === (window !== undefined)) return
  const path = ['sink', 'physical', window === undefined ? 'apply' : 'window']
  if (window === undefined)
    report(
      path,
      '`apply: safe_window` has no `window`',
      'Add window: { from: "22:00", to: "04:00", time_zone: UTC }',
    )
  else
    report(path, `\`window\` has no meaning with \`apply: ${apply}\``, 'Use apply: safe_window, or remove it')
}

/** Rows can be set aside only where the contract sets rows aside. */
function checkQuarantinePolicies({ schema_evolution, contract }: Draft, report: Report): void {
  const enforcement = contract?.enforcement
  if (schema_evolution === undefined || (enforcement !== 'strict' && enforcement !== 'coerce')) return
  for (const key of ['columns', 'data_type', 'narrowing'] as const) {
    if (schema_evolution[key] !== 'quarantine') continue
    const message = `\`${key}: quarantine\` sets rows aside, and \`contract.enforcement: ${enforcement}\` stops at the first of them`
    report(['schema_evolution', key], message, 'Use contract.enforcement: quarantine, or stop at the change')
  }
}

/** The policy is about appending object by object; where everything is read anyhow it would do nothing. */
function checkChangedObjects({ source, sink }: Draft, report: Report): void {
  if (source?.changed_objects !== 'append') return
  const reads = sink?.load_type === 'overwrite' ? '`load_type: overwrite`' : '`watermark_columns`'
  if (sink?.load_type !== 'overwrite' && (source.watermark_columns ?? []).length === 0) return
  report(
    ['source', 'changed_objects'],
    `\`changed_objects: append\` has no meaning with ${reads}, which reads changed objects anyhow`,
    'Remove it',
  )
}

function checkSource(source: DeepPartial<FileSource>, report: Report): void {
  const { format, compression, csv } = source
  if (csv !== undefined && format !== undefined && format !== 'csv') {
    report(
      ['source', 'csv'],
      `\`csv\` has no meaning with \`format: ${format}\``,
      'Remove it, or use format: csv',
    )
  }
  if (compression === 'gzip' && format === 'parquet') {
    const message = '`compression: gzip` has no meaning with `format: parquet`, which is compressed inside'
    report(['source', 'compression'], message, 'Use auto')
  }
  if (csv !== undefined) checkCsv(csv, report)
}

function checkCsv(csv: DeepPartial<CsvOptions>, report: Report): void {
  const signs = ['delimiter', 'quote', 'escape'] as const
  for (const key of signs) {
    const value = csv[key]
    // An escape that is the quote has no mistakes of its own.
    if (value === undefined || (key === 'escape' && value === csv.quote)) continue
    const at = ['source', 'csv', key]
    if (/[\r\n]/.test(value)) report(at, `\`${key}\` cannot be a line end`, 'Use another character')
    if (key !== 'delimiter' && value === csv.delimiter) {
      report(at, `\`${key}\` and \`delimiter\` are the same character`, 'Use another character')
    }
    if (key !== 'delimiter' && /[^\0-\x7f]/.test(value)) {
      report(at, `\`${key}\` must be one of ASCII, and \`${value}\` is not`, 'Use another character')
    }
  }
  if (csv.quote === '' && csv.escape !== undefined && csv.escape !== '') {
    report(['source', 'csv', 'escape'], '`escape` has no meaning without `quote`', 'Remove it')
  }
  for (const [i, spelling] of (csv.null_values ?? []).entries()) {
    const sign = signs.find((key) => csv[key] !== undefined && csv[key] !== '' && spelling.includes(csv[key]))
    if (sign === undefined && !/[\r\n]/.test(spelling)) continue
    const what = sign === undefined ? 'a line end' : `the \`${sign}\``
    const message = `${JSON.stringify(spelling)} has ${what} in it, and no unquoted field can`
    report(['source', 'csv', 'null_values', i], message, 'Remove it: a quoted field is never NULL')
  }
}

function checkConnection(
  path: Path,
  name: string | undefined,
  wanted: Connection['type'],
  { connections }: Known,
  report: Report,
): void {
  if (name === undefined) return
  if (!connections.has(name)) {
    const hint = suggest(name, connections.keys(), 'Connections', 'Add it under connections')
    report(path, `there is no connection \`${name}\``, hint)
    return
  }
  const type = connections.get(name)?.type
  if (type === undefined || type === wanted) return
  const fitting = [...connections].flatMap(([other, connection]) =>
    connection?.type === wanted ? [other] : [],
  )
  const hint = fitting.length === 0 ? `Add a connection of type ${wanted}` : `Use ${fitting.join(' or ')}`
  report(path, `connection \`${name}\` is of type ${type}, and ${wanted} is needed here`, hint)
}

/** One writer of a table, as far as it can be told. */
export interface Writer {
  readonly name: string
  readonly table: string
  readonly load_type: string | undefined
  /** `sluice.yaml:12` */
  readonly place: string
}

/**
 * The rules across dataflows, active or not, so that switching one on never makes a manifest invalid: names
 * are unique (a name that differs by case only would share files on some disks), a table has one spelling,
 * and who overwrites a table is its only writer. `report` gets the position of the later writer.
 */
export function checkWriters(
  writers: readonly Writer[],
  report: (index: number, path: Path, message: string, hint: string) => void,
): void {
  const names = new Map<string, Writer>()
  const tables = new Map<string, Writer[]>()
  for (const [index, writer] of writers.entries()) {
    const { name, table, load_type } = writer
    const namesake = names.get(name.toLowerCase())
    if (namesake === undefined) names.set(name.toLowerCase(), writer)
    else {
      const same =
        namesake.name === name ? 'the name' : `the name \`${namesake.name}\` differs by case only and`
      report(index, ['name'], `${same} is taken by the dataflow at ${namesake.place}`, 'Choose another name')
    }
    const others = tables.get(table.toLowerCase()) ?? []
    tables.set(table.toLowerCase(), [...others, writer])
    const spelled = others.find((other) => other.table !== table)
    if (spelled !== undefined) {
      const message = `${spelled.name} (${spelled.place}) writes \`${spelled.table}\`, which differs by case only`
      report(index, ['sink', 'table'], message, 'Spell the table the same way')
      continue
    }
    const clash = others.find((other) => other.load_type === 'overwrite' || load_type === 'overwrite')
    if (clash === undefined) continue
    const message = `${clash.name} (${clash.place}) writes ${table}, too, and one of the two overwrites what the other wrote`
    report(index, ['sink', 'table'], message, 'Give each its own table, or let both append')
  }
}
