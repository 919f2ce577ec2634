import { z } from 'zod'
import { deepPartial } from './partial.ts'
import { connectionNameSchema, defaultsSchema, topSchema, writtenDataflowSchema } from './schema.ts'
import { connectionSchema } from './schema-connections.ts'

/**
 * The manifest's JSON Schema (draft-07), made from the schema that `loadManifest` checks with, for editors.
 * One schema serves the main file and included files: `version` and `project` are required once the file
 * has a key that only the main one may have. Of a dataflow only `name` is required here, because `defaults`,
 * perhaps of another file, may give the rest; `sluice validate` sees all of it.
 */
export function manifestJsonSchema(): Record<string, unknown> {
  const dataflow = deepPartial(writtenDataflowSchema, { keepDefaults: true }) as z.ZodObject
  const file = z.strictObject({
    ...topSchema.partial().shape,
    defaults: defaultsSchema.optional(),
    connections: z
      .record(connectionNameSchema, connectionSchema)
      .optional()
      .describe('Places to read from and to write to, by name.'),
    dataflows: z
      .array(dataflow.required({ name: true }).describe(writtenDataflowSchema.description!))
      .optional()
      .describe('One entry for each table and where its rows come from.'),
  })
  const schema = z.toJSONSchema(file, { target: 'draft-7', io: 'input' }) as Record<string, unknown>
  const mainOnly = ['version', 'project', 'include', 'defaults'].map((key) => ({ required: [key] }))
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Sluice manifest',
    description: 'Dataflows, each with its source or transform, its contract and its sink.',
    ...schema,
    if: { anyOf: mainOnly },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own word
    then: { required: ['version', 'project'] },
  }
}

/** The text of `schema/sluice.schema.json`. */
export function manifestJsonSchemaText(): string {
  return `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`
}
