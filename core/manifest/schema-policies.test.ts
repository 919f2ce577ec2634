import { describe, expect, test } from 'vitest'
import { load, problemsOf } from './test-project.suite.ts'

const manifest = (keys: Readonly<Record<string, string>>) => {
  const { sink = '', ...others } = keys
  const lines = Object.entries(others).map(([key, value]) => `    ${key}: ${value}`)
  return {
    'sluice.yaml': `version: 1
project: shop
connections: { landing: { type: files, path: ./landing }, lake: { type: lake } }
dataflows:
  - name: a
    source: { connection: landing, path: a.csv, format: csv }
    sink: { connection: lake, table: t.a, load_type: append${sink} }
${lines.join('\n')}
`,
  }
}
/** Problems without their place. */
const problems = async (keys: Readonly<Record<string, string>>) =>
  (await problemsOf(manifest(keys))).map((line) => line.replace(/^sluice\.yaml:\d+:\d+: /, ''))
const physical = (text: string) => problems({ sink: `, physical: { ${text} }` })

describe('schema_evolution', () => {
  test.each([
    ['{ columns: discard }', /columns/],
    ['{ data_type: variant_column }', /not available in this version; use evolve, freeze or quarantine/],
    ['{ mode: freeze }', /word of schema_evolution.columns/],
    ['{ narrowing: coerce }', /narrowing/],
    ['{ allow_drop: true }', /unknown key `allow_drop`/],
  ])('%s is refused', async (schema_evolution, message) => {
    expect(await problems({ schema_evolution })).toEqual([expect.stringMatching(message)])
  })

  test('quarantine policies need a contract that sets rows aside', async () => {
    const schema_evolution = '{ columns: quarantine, narrowing: quarantine }'
    const found = await problems({ schema_evolution })
    expect(found).toHaveLength(2)
    expect(found[0]).toContain('`contract.enforcement: strict` stops at the first of them')
    expect(await problems({ schema_evolution, contract: '{ enforcement: quarantine }' })).toEqual([])
  })

  test('a column is renamed from one that does not stay, and once', async () => {
    const contract = (columns: string) => problems({ contract: `{ columns: ${columns} }` })
    expect(await contract('{ a: { type: string, rename_from: b }, b: { type: string } }')).toEqual([
      '`b` is a column of this contract itself. Take one of the two out.',
    ])
    expect(
      await contract('{ a: { type: string, rename_from: c }, b: { type: string, rename_from: c } }'),
    ).toEqual(['`a` is renamed from `c`, too. A column becomes one column.'])
  })

  test('columns may swap their names, where nothing else goes by them', async () => {
    const swap = '{ A: { type: string, rename_from: b }, b: { type: string, rename_from: a } }'
    expect(await problems({ contract: `{ columns: ${swap} }` })).toEqual([])
    const ring = swap.replace(': a ', ': c ').replace(' }', ' }, c: { type: string, rename_from: a }')
    expect(await problems({ contract: `{ columns: ${ring} }` })).toEqual([])
    const chain = '{ a: { type: string, rename_from: b }, b: { type: string, rename_from: c } }'
    expect(await problems({ contract: `{ columns: ${chain} }` })).toHaveLength(1)
    const variants = '{ enforcement: warn, conflict_policy: variant_column, columns:'
    expect(await problems({ contract: `${variants} ${swap} }` })).toEqual([
      expect.stringContaining('its variant column would go on with the texts of another column'),
      expect.stringContaining('its variant column'),
    ])
    const text = manifest({ contract: `{ columns: ${swap} }` })['sluice.yaml']
    const marked = text.replace('format: csv }', 'format: csv, watermark_columns: [B] }')
    expect(await problemsOf({ 'sluice.yaml': marked })).toEqual([
      expect.stringContaining('watermark column `b` swaps its name'),
    ])
  })
})

describe('sink.physical', () => {
  test.each([
    ['partition_by: ["days(ts, 3)"]', 'neither a column nor a transform'],
    ['partition_by: ["zorder(a)"]', 'here is no transform `zorder`'],
    ['partition_by: ["bucket(id)"]', '`bucket` needs a whole number'],
    ['partition_by: ["bucket(0, id)"]', '`bucket` needs a whole number'],
    ['partition_by: ["day(3, ts)"]', '`day` takes a column alone'],
    ['sort_by: ["void(a)"]', 'orders nothing'],
    ['sort_by: ["a descending"]', 'neither a column nor a transform'],
    ['target_file_size: 128 megabytes', 'is no size'],
    ['target_file_size: 10 B', 'between 1 MB and 100 GB'],
    ['properties: { write.format.default: orc }', 'cannot be set'],
    ['properties: { format-version: "3" }', 'cannot be set'],
    ['properties: { sluice.run-id: x }', 'cannot be set'],
    ['properties: { write.target-file-size-bytes: "1" }', '`target_file_size` sets'],
    ['properties: { commit.manifest.min-count-to-merge: many }', 'is no value of it'],
    ['apply: later', 'apply'],
    ['apply: safe_window', 'has no `window`'],
    ['window: { from: "01:00", to: "02:00", time_zone: UTC }', 'has no meaning with `apply: online`'],
    ['apply: safe_window, window: { from: "1:00", to: "02:00", time_zone: UTC }', 'HH:MM'],
    ['apply: safe_window, window: { from: "01:00", to: "01:00", time_zone: UTC }', 'at the same time'],
    ['apply: safe_window, window: { from: "01:00", to: "02:00", time_zone: Mars }', 'no time zone `Mars`'],
    ['clustered_by: [a]', 'unknown key `clustered_by`'],
  ])('%s is refused', async (text, message) => {
    expect(await physical(text)).toEqual([expect.stringContaining(message)])
  })

  test('its words, with their defaults', async () => {
    const text =
      'partition_by: ["day(ts)", "bucket(16, id)", "truncate(4, name)", origin], sort_by: [origin, "ts desc nulls last", "year(ts)"], properties: { owner: me, commit.manifest-merge.enabled: "false" }, target_file_size: 128 MB, apply: safe_window, window: { from: "22:00", to: "04:00", time_zone: Europe/Berlin }'
    const loaded = await load(manifest({ sink: `, physical: { ${text} }` }))
    expect(loaded.manifest.dataflows[0]?.sink.physical).toMatchObject({
      apply: 'safe_window',
      window: { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] },
    })
    expect((await load(manifest({}))).manifest.dataflows[0]?.sink).not.toHaveProperty('physical')
  })
})
