import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { StagedFile } from '../../core/runs/contract-record.ts'
import { openCorrections } from '../quarantine/project.ts'

/** Nothing that Sluice writes itself looks like one. */
const words = ['ΞALMA', 'ΞBERT', 'ΞCARL'] as const

function evidenceBytes(directory: string): string {
  const root = join(directory, '.sluice', 'evidence', 'evidence')
  const paths = (readdirSync(root, { recursive: true }) as string[]).map((path) => join(root, path))
  return paths
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n')
}

it.each([
  ['in one piece', ''],
  ['in shards', ', max_shard_bytes: 150'],
])('evidence holds no value of an accepted row, and the table its bounds: %s', async (_way, source) => {
  const flow = openCorrections()
  flow.says({
    source,
    contract: `{ columns: { name: { type: string }, where: { type: string }, at: { type: struct, fields: { city: { type: string } } }, day: { type: date } } }`,
    transformers: '{ masking: [{ method: partial, columns: [where], keep_start: 2 }] }',
    sink: ', physical: { partition_by: [name] }',
  })
  for (const [i, word] of words.entries())
    flow.deliver(String(i), `name,where,at,day\n${word},${word},"{""city"":""${word}""}",1871-03-0${i + 1}\n`)
  const { evidence, gate } = await flow.run()
  expect(evidence.outcome).toBe('passed')
  const kept = evidenceBytes(flow.directory)
  expect([...words, 'ΞA', 'ΞB', 'ΞC', '1871'].filter((word) => kept.includes(word))).toEqual([])
  const [file] = gate('contract').files as [StagedFile]
  expect(file.stats.columns.name).toMatchObject({ nulls: 0, values: 1 })
  expect(file.stats.nested?.['"at"."city"']).toMatchObject({ nulls: 0, values: 1 })
  const { files, rows } = await flow.table()
  expect(rows).toHaveLength(3)
  const [bounded] = files
  expect(bounded?.file.lowerBounds?.size).toBeGreaterThan(3)
})
