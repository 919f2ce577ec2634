/** `node core/runs/write-run-input-schema.ts` writes `schema/run-input.schema.json`; a test holds the two together. */
import { writeFileSync } from 'node:fs'
import { runInputSchemaText } from './run-input-schema.ts'

writeFileSync(new URL('../../schema/run-input.schema.json', import.meta.url), runInputSchemaText())
