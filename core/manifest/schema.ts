import { z } from 'zod'
import { deepPartial } from './partial.ts'
import type { connectionSchema } from './schema-connections.ts'
import { contractSchema, type Writable, writtenContractSchema } from './schema-contract.ts'
import { schemaEvolutionSchema } from './schema-evolution.ts'
import { physicalSchema } from './schema-physical.ts'
import { scheduleSchema } from './schema-schedule.ts'
import { sourceSchema, transformSchema } from './schema-source.ts'
import { label, name, table } from './schema-texts.ts'
import { transformersSchema } from './schema-transformers.ts'
import type { Connection, Dataflow, RenderedManifest } from './types.ts'

const sinkSchema = z
  .strictObject({
    connection: name.describe('Name of a connection of type `lake`.'),
    table: table('`namespace.name`.'),
    load_type: z
      .enum(['append', 'overwrite'])
      .describe('`append` adds the rows, `overwrite` replaces the table by them.'),
    physical: physicalSchema.optional(),
  })
  .describe('The table to write.')

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
    schema_evolution: schemaEvolutionSchema.prefault({}),
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

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never

/** The hand-written types of types.ts are what the schema gives; a difference is an error of the compiler here. */
export const typesAgree: {
  readonly dataflow: Same<Writable<Dataflow>, z.output<typeof dataflowSchema>>
  readonly connection: Same<Writable<Connection>, z.output<typeof connectionSchema>>
  readonly version: Same<RenderedManifest['version'], z.output<typeof topSchema>['version']>
} = { dataflow: true, connection: true, version: true }
