/** `node core/manifest/write-json-schema.ts` writes `schema/sluice.schema.json`; a test holds the two together. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { manifestJsonSchemaText } from './json-schema.ts'

const file = new URL('../../schema/sluice.schema.json', import.meta.url)
mkdirSync(new URL('.', file), { recursive: true })
writeFileSync(file, manifestJsonSchemaText())
