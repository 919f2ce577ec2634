import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openCorrections } from '../quarantine/project.ts'
import { keptBytes } from '../support/kept-bytes.ts'

/** No value of its type in a masked column, whose text nobody may read, and in an open one, whose text is kept. */
const rows = [
  { id: '1', bucket: '17', gone: '2024-01-02', set: '1', part: 'anna', open: '5' },
  { id: '2', bucket: 'ΞBUCKET', gone: '2024-01-02', set: '2', part: 'bert', open: '6' },
  { id: '3', bucket: '18', gone: 'ΞGONE', set: 'ΞSET', part: 'carl', open: 'ΞOPEN' },
  { id: '4', bucket: 'ΞBOTH', gone: 'ΞTWICE', set: '4', part: 'dora', open: 'ΞWIDE' },
  { id: '5', bucket: '19', gone: '2024-01-02', set: '5', part: 'ΞPART', open: '99' },
  { id: '6', bucket: 'ΞREJECTED', gone: '2024-01-02', set: '6', part: 'emil', open: '98' },
] as const

const hidden = ['ΞBUCKET', 'ΞGONE', 'ΞSET', 'ΞBOTH', 'ΞTWICE', 'ΞPART', 'ΞREJECTED']

const cases = ['reference_only', 'masked', 'preserve'].flatMap((pii_policy, i) =>
  ['quarantine', 'warn', 'coerce'].map((enforcement, j) => {
    const format = (i + j) % 2 === 0 ? 'csv' : 'ndjson'
    return { pii_policy, enforcement, format }
  }),
)

it.each(cases)(
  'under $pii_policy, $enforcement, $format no variant column, quarantine or evidence has what a mask hides',
  async ({ pii_policy, enforcement, format }) => {
    const flow = openCorrections()
    // A bound is a warning under warn, and its rows are loaded.
    const isWarn = enforcement === 'warn'
    flow.says(
      {
        contract: `{ enforcement: ${enforcement}, conflict_policy: variant_column, quarantine: { pii_policy: ${pii_policy} }, columns: { id: { type: integer }, bucket: { type: integer }, gone: { type: date }, set: { type: integer }, part: { type: string }, open: { type: integer, max: 50 } } }`,
        transformers:
          '{ masking: [{ method: numeric_bucket, columns: [bucket], bucket_size: 10 }, { method: nullify, columns: [gone] }, { method: redact, columns: [set], value: 0 }, { method: partial, columns: [part], keep_start: 0 }] }',
      },
      { format },
    )
    const lines =
      format === 'csv'
        ? [Object.keys(rows[0]).join(','), ...rows.map((row) => Object.values(row).join(','))]
        : rows.map((row) => JSON.stringify(row))
    writeFileSync(join(flow.directory, 'landing', `a.${format}`), `${lines.join('\n')}\n`)
    const { flow: ended, evidence, gate } = await flow.run()

    const rejected = isWarn ? ['2', '4', '6'] : ['2', '4', '5', '6']
    expect(evidence.rows).toMatchObject({ accepted: 6 - rejected.length, quarantined: rejected.length })
    expect(gate('contract').variants?.filter(({ count }) => count > 0)).toEqual([
      { column: 'open', count: 1 },
    ])
    if (enforcement === 'quarantine') {
      expect(ended.rows?.warned).toBe(1)
      const texts = { bucket__variant: null, gone__variant: null, set__variant: null }
      expect(await flow.rows()).toMatchObject([
        { id: 1, bucket: 10, gone: null, set: 0, open: 5, open__variant: null, ...texts },
        { id: 3, bucket: 10, gone: null, set: 0, open: null, open__variant: 'ΞOPEN', ...texts },
      ])
    } else {
      expect(ended.error?.code).toBe('CONTRACT_REJECTED')
      if (isWarn) expect(ended.error?.message).toContain('and has no variant column')
    }

    const everything = await keptBytes(flow.directory)
    expect(hidden.filter((text) => everything.includes(text))).toEqual([])
    const evident = await keptBytes(flow.directory, '.sluice/evidence')
    expect(evident).not.toContain('ΞOPEN')
    const raws = [...evident.matchAll(/"raw":("(?:[^"\\]|\\.)*"|null)/g)].map(([, raw]) =>
      JSON.parse(raw as string),
    )
    expect(raws).toHaveLength(rejected.length)
    const shown = raws.filter((raw) => raw !== null).map((raw) => JSON.parse(raw))
    const open = rows.filter(({ id }) => rejected.includes(id)).map(({ id, open }) => ({ id, open }))
    const types = open.map(() => ({ id: '[masked text]', open: '[masked text]' }))
    expect(shown).toEqual({ reference_only: [], masked: types, preserve: open }[pii_policy])
  },
)
