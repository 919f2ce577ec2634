import { z } from 'zod'
import { connectionPathMistake } from './grammar.ts'
import { refuse } from './schema-texts.ts'

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
