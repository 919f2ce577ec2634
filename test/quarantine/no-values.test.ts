import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { keptBytes } from '../support/kept-bytes.ts'
import { runProject } from '../support/project.ts'
import { contract, openCorrections } from './project.ts'

/** Unlike anything that Sluice itself writes: no digest, no name, no number holds two of these signs in a row. */
const value = fc.stringMatching(/^[ΞЖ§]{2}[A-Z]{4,8}[ΞЖ§]$/u)

const delivery = fc.record({
  policy: fc.constantFrom('reference_only', 'masked'),
  enforcement: fc.constantFrom('quarantine', 'strict'),
  format: fc.constantFrom('csv', 'ndjson'),
  rows: fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 4 }),
  broken: fc.array(value, { maxLength: 2 }),
})

const besidesLake = (directory: string) => keptBytes(directory, '.sluice', (path) => !path.startsWith('lake'))

it('no value of a rejected row is in any byte that is kept, under reference_only and masked', async () => {
  await fc.assert(
    fc.asyncProperty(delivery, async ({ policy, enforcement, format, rows, broken }) => {
      const flow = openCorrections()
      flow.says({ contract: contract(`pii_policy: ${policy}`, enforcement) }, { format })
      const lines =
        format === 'csv'
          ? [
              'id,name',
              '1,a',
              ...rows.map((row) => row.join(',')),
              ...broken.map((each) => `${each},${each},${each}`),
            ]
          : ['{"id":1,"name":"a"}', ...rows.map(([id, name]) => JSON.stringify({ id, name }))]
      writeFileSync(join(flow.directory, 'landing', `a.${format}`), `${lines.join('\n')}\n`)
      const { result } = await runProject(flow.directory, {})
      const { rows: counts } = result.dataflows[0] as (typeof result.dataflows)[number]
      expect(counts?.quarantined).toBe(rows.length + (format === 'csv' ? broken.length : 0))
      const kept = await besidesLake(flow.directory)
      const values = [...rows.flat(), ...(format === 'csv' ? broken : [])]
      expect(
        values.filter((each) => kept.includes(each) || kept.includes(JSON.stringify(each).slice(1, -1))),
      ).toEqual([])
      flow.remove()
    }),
    { numRuns: Number(process.env.QUARANTINE_CASES ?? 12) },
  )
})

it('neither is one that a replay brought and that was rejected again', async () => {
  const flow = openCorrections()
  flow.says({ contract: contract('') })
  flow.deliver('a', 'id,name\n1,a\n9,ΞЖWRONG§\nx,b\n')
  const { evidence } = await flow.run()
  const from = flow.file('corrected.csv', 'id,name\n2,ΞЖAGAIN§\n3,b\n')
  const ended = await flow.cli('quarantine', 'replay', evidence.run_id, 'flow', '--from', from, '--yes')
  expect(ended, ended.stderr).toMatchObject({ code: 0 })
  expect((await flow.rows()).map(({ id }) => id)).toEqual([1, 3])
  const kept = await besidesLake(flow.directory)
  expect([kept.includes('WRONG'), kept.includes('AGAIN')]).toEqual([false, false])
})

it('the search finds a value that is kept, compressed in Parquet', async () => {
  const flow = openCorrections()
  flow.says({ contract: contract('pii_policy: preserve') })
  flow.deliver('a', `id,name\n1,a\n${Array.from({ length: 50 }, () => '9,ΞЖWRONG§').join('\n')}\n`)
  await flow.run()
  expect(await besidesLake(flow.directory)).toContain('ΞЖWRONG§')
})
