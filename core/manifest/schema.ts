import { z } from 'zod'
import { cronMistake, rateMistake } from './cron.ts'
import {
  connectionPathMistake,
  globMistake,
  labelPattern,
  labelRule,
  maxNameLength,
  namePattern,
  nameRule,
  tablePattern,
  tableRule,
} from './grammar.ts'
import { deepPartial } from './partial.ts'
import { contractSchema, type Writable, writtenContractSchema } from './schema-contract.ts'
import { physicalSchema } from './schema-physical.ts'
import { transformersSchema } from './schema-transformers.ts'
import { timeZoneMistake } from './time-zone.ts'
import type { Connection, Dataflow, RenderedManifest } from './types.ts'

const name = z.string().max(maxNameLength).regex(namePattern, nameRule)
const label = z.string().max(maxNameLength).regex(labelPattern, labelRule)
const columnName = z.string().min(1).max(maxNameLength)

const filesSchema = z
  .strictObject({
    type: z.literal('files').describe('Files in a directory or under a prefix.'),
    path: z
      .string()
      .min(1)
      .overwrite((path) => (path.length > 1 ? path.replace(/\/$/, '') : path))
      .check(refuse(connectionPathMistake))
      .describe('A path relative to the manifest, `file:///…` or `s3://bucket/prefix`.'),
  })
  .describe('Files to read.')

const lakeSchema = z
  .strictObject({ type: z.literal('lake').describe('The project’s Iceberg lake.') })
  .describe('The lake to write to. Where it lies is a matter of the environment.')

export const connectionSchema = z
  .discriminatedUnion('type', [filesSchema, lakeSchema])
  .describe('A place to read from or to write to.')

export const csvSchema = z
  .strictObject({
    delimiter: z.string().length(1).default(',').describe('One character between fields.'),
    quote: z.string().max(1).default('"').describe('One character around fields; empty for none.'),
    escape: z
      .string()
      .max(1)
      .default('"')
      .describe('One character before a quote inside of quotes; empty for none. Default: what `quote` is.'),
    header: z.boolean().default(true).describe('Whether the first line names the columns.'),
    null_values: z
      .array(z.string())
      .default([''])
      .describe('Unquoted spellings of NULL. Give [] to read every empty field as an empty text.'),
  })
  .describe('How the CSV is written. Only with `format: csv`.')

export const sourceSchema = z
  .strictObject({
    connection: name.describe('Name of a connection of type `files`.'),
    path: z
      .string()
      .min(1)
      .check(refuse(globMistake))
      .describe('Glob relative to the connection: `orders/*.csv`, `**/*.parquet`.'),
    format: z
      .enum(['parquet', 'csv', 'ndjson', 'json'])
      .describe('`json` is one array of objects, `ndjson` one object a line.'),
    compression: z
      .enum(['auto', 'none', 'gzip'])
      .default('auto')
      .describe('`auto`: gzip where the file name ends in `.gz`.'),
    csv: csvSchema.optional(),
    watermark_columns: z
      .array(columnName)
      .default([])
      .describe('Columns by which a run reads only what is newer than the last run’s rows.'),
    changed_objects: z
      .enum(['fail', 'append'])
      .default('fail')
      .describe('When an object that was loaded is another one now: `fail`, or `append` all its rows again.'),
    allow_missing: z
      .boolean()
      .default(false)
      .describe(
        'Whether a path that matches nothing means that there is nothing new; the table stays as it is.',
      ),
    max_shard_bytes: z
      .int()
      .min(1)
      .optional()
      .describe(
        "Bytes that one call of the contract gate reads: sources beyond it are read in shards, side by side, and committed at once; one object beyond it in parts, where it is uncompressed NDJSON or CSV with `quote: ''`. Default: what the environment’s disk holds.",
      ),
  })
  .describe('Files to read. A dataflow has either `source` or `transform`.')

export const transformSchema = z
  .strictObject({
    sql: z
      .string()
      .min(1)
      .describe(
        "One SELECT. `{{ ref('namespace.table') }}` names a table of the lake and draws an edge of the graph.",
      ),
    watermark_columns: z
      .array(columnName)
      .default([])
      .describe('Columns of the result by which a run appends only what is newer than the last run’s rows.'),
  })
  .describe('A query over tables of the lake. A dataflow has either `source` or `transform`.')

const sinkSchema = z
  .strictObject({
    connection: name.describe('Name of a connection of type `lake`.'),
    table: z
      .string()
      .max(2 * maxNameLength)
      .regex(tablePattern, tableRule)
      .describe('`namespace.name`.'),
    load_type: z
      .enum(['append', 'overwrite'])
      .describe('`append` adds the rows, `overwrite` replaces the table by them.'),
    physical: physicalSchema.optional(),
  })
  .describe('The table to write.')

const singleSpaces = (text: string): string => text.trim().replaceAll(/\s+/g, ' ')

const scheduleSchema = z
  .union(
    [
      z.literal('never'),
      z.strictObject({
        cron: z
          .string()
          .overwrite(singleSpaces)
          .check(refuse(cronMistake))
          .optional()
          .describe('Minutes, hours, day of month, month, day of week, year: `0 6 * * ? *`.'),
        rate: z
          .string()
          .overwrite(singleSpaces)
          .check(refuse(rateMistake))
          .optional()
          .describe('A number of minutes, hours or days, counted from the deployment: `1 hour`.'),
        time_zone: z
          .string()
          .check(refuse(timeZoneMistake))
          .default('UTC')
          .describe('In which `cron` is read: a name of the IANA database, such as `Europe/Berlin`.'),
        window_minutes: z
          .int()
          .min(1)
          .max(1440)
          .optional()
          .describe('The run starts at some time within so many minutes. Without it, within the minute.'),
      }),
    ],
    { error: 'give it `cron` or `rate`, or write never' },
  )
  .describe('When a deployed stack starts the dataflow; `never` where `defaults` say otherwise.')

export const dataflowSchema = z
  .strictObject({
    name: name.describe('Unique in the project. State is kept under it: a new name starts anew.'),
    description: z.string().optional().describe('For people.'),
    stage: label.optional().describe('What `--stage` selects by, such as `ingest2bronze`.'),
    group_number: z
      .int()
      .optional()
      .describe(
        'Dataflows of one group run in the order of `execution_order`; groups are independent of each other.',
      ),
    execution_order: z
      .int()
      .optional()
      .describe(
        'All of the group with a smaller number run before; the same number runs at the same time. Default 0.',
      ),
    is_active: z.boolean().default(true).describe('An inactive dataflow is checked but never run.'),
    tags: z.array(label).default([]).describe('What `--tag` selects by.'),
    depends_on: z
      .array(name)
      .default([])
      .describe('Dataflows that must have succeeded first, besides those that `ref()` names.'),
    source: sourceSchema.optional(),
    transform: transformSchema.optional(),
    schedule: scheduleSchema.optional(),
    on: z
      .enum(['object_created', 'never'])
      .optional()
      .describe(
        '`object_created`: a new object of the source starts the dataflow, once deployed. `never` where `defaults` say otherwise.',
      ),
    column_names: z
      .enum(['lower', 'snake'])
      .default('lower')
      .describe('`lower`: `Order ID` becomes `order_id`. `snake`: `OrderID` becomes `order_id`, too.'),
    transformers: transformersSchema.optional(),
    contract: contractSchema.prefault({}),
    schema_evolution: z
      .strictObject({
        mode: z
          .enum(['strict', 'additive', 'widening'])
          .default('widening')
          .describe(
            '`strict`: the table’s schema never changes. `additive`: new columns. `widening`: also wider types and renamed columns, and an overwrite may leave columns out.',
          ),
        columns: z
          .enum(['evolve', 'freeze', 'ignore', 'quarantine'])
          .default('evolve')
          .describe(
            'A column that the table has not. `evolve`: it is added, as far as `mode` goes. `freeze`: the dataflow stops. `ignore`: it is not loaded. `quarantine`: rows with a value in it are set aside.',
          ),
        data_type: z
          .enum(['evolve', 'freeze', 'quarantine'])
          .default('evolve')
          .describe(
            'A column of another type than the table’s. `evolve`: the table’s is widened where it can be. `freeze`: the dataflow stops. `quarantine`: the table keeps its type, and rows whose value is none of it are set aside.',
          ),
        nullability: z
          .enum(['relax', 'freeze', 'tighten'])
          .default('relax')
          .describe(
            '`relax`: a required column becomes optional where the contract lets NULL in. `freeze`: the dataflow stops. `tighten`: besides, `nullable: false` makes columns required.',
          ),
        narrowing: z
          .enum(['fail', 'quarantine'])
          .default('fail')
          .describe(
            'A type of the same kind with values that the table’s cannot hold (bigint into integer, timestamp into date). `quarantine`: rows whose value does not fit are set aside.',
          ),
        column_order: z
          .enum(['table', 'load'])
          .default('table')
          .describe('Whose order the table’s columns have. Rows are read by field id either way.'),
        apply_safe: z
          .boolean()
          .default(true)
          .describe(
            'Whether changes of metadata alone are made without asking; if not, each needs `sluice schema approve`.',
          ),
      })
      .describe('How the table’s schema may change.')
      .prefault({}),
    sink: sinkSchema,
  })
  .describe('One table and where its rows come from.')

/** With what is taken in while the manifest is read, and is then no longer there. */
export const writtenDataflowSchema = dataflowSchema
  .extend({ contract: writtenContractSchema.prefault({}) })
  .describe(dataflowSchema.description!)

/** What `defaults` may hold: any key of a dataflow but its name, at any depth. */
export const defaultsSchema = deepPartial(writtenDataflowSchema.omit({ name: true }), {
  keepDefaults: false,
}).describe(
  'Merged under every dataflow: mappings key by key, lists whole. The dataflow wins. `source` defaults go to ' +
    'dataflows with a source only, `transform` defaults to those with a transform.',
)

/** For what is left of a dataflow once everything that does not fit is taken out. */
export const draftSchema = deepPartial(dataflowSchema, { keepDefaults: true })

/** What an included file may hold; each is checked piece by piece. */
export const partSchema = z.strictObject({
  connections: z.unknown().optional(),
  dataflows: z.unknown().optional(),
})

/** The main file; its `defaults`, `connections` and `dataflows` are checked piece by piece. */
export const topSchema = z.strictObject({
  version: z.literal(1).describe('Version of the manifest’s format: 1.'),
  project: name.describe('Name of the project. State is kept under it.'),
  include: z
    .array(z.string().min(1))
    .default([])
    .describe('Globs of further files, relative to this one. They may hold `dataflows` and `connections`.'),
  defaults: z.unknown().optional(),
  ...partSchema.shape,
})

export const connectionNameSchema = name

function refuse(mistakeOf: (value: string) => string | undefined): z.core.CheckFn<string> {
  return (context) => {
    const mistake = mistakeOf(context.value)
    if (mistake !== undefined) context.issues.push({ code: 'custom', input: context.value, message: mistake })
  }
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never

/** The hand-written types of types.ts are what the schema gives; a difference is an error of the compiler here. */
export const typesAgree: {
  readonly dataflow: Same<Writable<Dataflow>, z.output<typeof dataflowSchema>>
  readonly connection: Same<Writable<Connection>, z.output<typeof connectionSchema>>
  readonly version: Same<RenderedManifest['version'], z.output<typeof topSchema>['version']>
} = { dataflow: true, connection: true, version: true }
