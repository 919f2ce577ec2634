import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../json.ts'
import { formatPlan } from './format-plan.ts'
import { buildPlan } from './plan.ts'
import { flow, manifestOf } from './test-flows.ts'

const shop = manifestOf([
  flow('report', {
    stage: 'gold',
    sql: "SELECT * FROM {{ ref('t.clean') }} JOIN {{ ref('t.old') }} USING (id)",
    depends_on: ['paused'],
  }),
  flow('clean', { stage: 'silver', sql: "SELECT * FROM {{ ref('t.raw') }}" }),
  flow('raw', { stage: 'bronze', group_number: 1, execution_order: 2 }),
  flow('lookup', { stage: 'bronze', group_number: 1, execution_order: 1 }),
  flow('old', { is_active: false }),
  flow('paused', { is_active: false }),
])

describe('buildPlan', () => {
  test('waves, reasons, reads and writes of every active dataflow', () => {
    expect(formatPlan(buildPlan(shop, {}), 'text')).toBe(`Plan of demo: 4 to run in 4 waves, 2 not run

Wave 1
  lookup  [bronze] active
          reads  landing: lookup/*.csv (parquet)
          writes t.lookup (overwrite)

Wave 2
  raw     [bronze] active; after execution_order 1 of group 1
          reads  landing: raw/*.csv (parquet)
          writes t.raw (overwrite)

Wave 3
  clean   [silver] active; after raw
          reads  t.raw (written by raw)
          writes t.clean (overwrite)

Wave 4
  report  [gold] active; after clean; does not wait for paused (is_active is false)
          reads  t.clean (written by clean)
          reads  t.old as it is (old: is_active is false)
          writes t.report (overwrite)

Not run
  old     is_active is false
  paused  is_active is false

manifest ${digestOf(shop).slice(0, 12)}, plan ${buildPlan(shop, {}).plan_sha256.slice(0, 12)}
`)
  })

  test('upstreams outside of the selection are read as they are, and a lone bucket waits for nothing', () => {
    const plan = buildPlan(shop, { dataflows: ['clean'] })
    expect(plan.waves).toEqual([
      {
        index: 0,
        dataflows: [
          {
            name: 'clean',
            stage: 'silver',
            reason: 'named',
            upstreams: [],
            reads: [{ kind: 'table', table: 't.raw', written_by: [], as_is: 'raw: not named' }],
            writes: { table: 't.clean', load_type: 'overwrite' },
          },
        ],
      },
    ])
    expect(plan.excluded.map(({ name }) => name)).toEqual(['lookup', 'old', 'paused', 'raw', 'report'])
    expect(buildPlan(shop, { dataflows: ['raw'] }).waves[0]?.dataflows[0]?.reason).toBe('named')
  })

  test('a barrier orders but makes no upstream', () => {
    const plan = buildPlan(shop, { stage: ['bronze'] })
    expect(
      plan.waves.map(({ dataflows }) => dataflows.map(({ name, upstreams }) => [name, upstreams])),
    ).toEqual([[['lookup', []]], [['raw', []]]])
  })

  test('as Markdown, a table whose cells cannot break it', () => {
    expect(formatPlan(buildPlan(shop, { stage: ['silver'] }), 'md')).toContain(
      '| 1 | clean | silver | t.raw as it is (raw: stage bronze is not selected) | t.clean (overwrite) | stage silver |',
    )
    const odd = manifestOf([flow('a', { source: { ...flow('a').source!, path: 'a|b/*.csv' } })])
    expect(formatPlan(buildPlan(odd, {}), 'md')).toContain('landing: a\\|b/\\*.csv (parquet)')
  })

  test('more waves than one run can have are refused before anything is written', () => {
    const steps = (count: number) =>
      manifestOf(
        Array.from({ length: count }, (_, i) => flow(`f${i}`, { group_number: 1, execution_order: i })),
      )
    expect(buildPlan(steps(1000), {}).waves).toHaveLength(1000)
    expect(() => buildPlan(steps(1001), {})).toThrow(expect.objectContaining({ code: 'TOO_MANY_WAVES' }))
  })

  test('more upstreams than an execution can carry are refused before anything is written', () => {
    const names = (count: number) =>
      Array.from({ length: count }, (_, i) => `f${String(i).padStart(55, '0')}`)
    const fan = (count: number) => {
      const upstreams = names(count)
      return manifestOf([...upstreams.map((name) => flow(name)), flow('last', { depends_on: upstreams })])
    }
    expect(buildPlan(fan(4000), {}).waves[1]?.dataflows[0]?.upstreams).toHaveLength(4000)
    expect(() => buildPlan(fan(4200), {})).toThrow(expect.objectContaining({ code: 'TOO_MANY_UPSTREAMS' }))
  })

  test('the digest is of all the rest, and a different selection is a different plan', () => {
    const { plan_sha256, ...rest } = buildPlan(shop, {})
    expect(plan_sha256).toBe(digestOf(rest))
    expect(rest.manifest_sha256).toBe(digestOf(shop))
    expect(buildPlan(shop, { stage: ['gold'] }).plan_sha256).not.toBe(plan_sha256)
  })

  test('a manifest that no loader made is refused, not run', () => {
    expect(() => buildPlan(manifestOf([flow('a', { sql: "{{ ref('t.b') }}" })]), {})).toThrow(
      "rendered manifest: a: `ref('t.b')` is a reference to nothing",
    )
    const against = manifestOf([
      flow('a', { sql: "{{ ref('t.b') }}", group_number: 1, execution_order: 1 }),
      flow('b', { group_number: 1, execution_order: 2 }),
    ])
    expect(() => buildPlan(against, {})).toThrow('execution_order contradicts the data')
  })

  test('any selection of a valid manifest can be planned, and plans what was selected', () => {
    const manifests = fc.array(fc.record({ reads: fc.array(fc.nat(20)), order: fc.nat(3) }), {
      minLength: 1,
      maxLength: 12,
    })
    fc.assert(
      fc.property(manifests, fc.infiniteStream(fc.boolean()), (shapes, coin) => {
        const flows = shapes.map(({ reads, order }, i) => {
          const sql = reads
            .filter((j) => j < i)
            .map((j) => `{{ ref('t.f${j}') }}`)
            .join(' ')
          return flow(`f${i}`, { sql, ...(order === 0 ? {} : { group_number: order, execution_order: i }) })
        })
        const chosen = flows.map(({ name }) => name).filter(() => coin.next().value)
        if (chosen.length === 0) return
        const plan = buildPlan(manifestOf(flows), { dataflows: chosen })
        const planned = plan.waves.flatMap(({ dataflows }) => dataflows)
        expect(planned.map(({ name }) => name).sort()).toEqual([...chosen].sort())
        expect(plan.excluded.length).toBe(flows.length - chosen.length)
        const done = new Set<string>()
        for (const wave of plan.waves) {
          for (const { upstreams } of wave.dataflows)
            for (const name of upstreams) expect(done).toContain(name)
          for (const { name } of wave.dataflows) done.add(name)
        }
      }),
    )
  })
})

test('planning loads neither zod nor yaml: it runs in small handlers', () => {
  const seen = new Set<string>()
  const packages = new Set<string>()
  const follow = (file: URL): void => {
    if (seen.has(file.href)) return
    seen.add(file.href)
    const imports = readFileSync(file, 'utf8').matchAll(/^import (?!type\b)[^']*'([^']+)'/gm)
    for (const [, name = ''] of imports) {
      if (name.startsWith('.')) follow(new URL(name, file))
      else packages.add(name)
    }
  }
  for (const name of ['plan', 'run-options', 'refs', 'format-plan'])
    follow(new URL(`./${name}.ts`, import.meta.url))
  expect(seen.size).toBeGreaterThan(8)
  expect([...packages]).toEqual(['node:crypto'])
})
