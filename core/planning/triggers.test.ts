import fc from 'fast-check'
import picomatch from 'picomatch'
import { describe, expect, it } from 'vitest'
import { globMistake } from '../manifest/grammar.ts'
import type { Dataflow, RenderedManifest } from '../manifest/types.ts'
import { literalPrefix } from '../sources/files.ts'
import { formatStarts, plannedStarts } from './format-triggers.ts'
import { type KeyPattern, keyPattern } from './key-pattern.ts'
import { flow, manifestOf } from './test-flows.ts'
import { planTriggers } from './triggers.ts'

const daily = { cron: '0 6 * * ? *', time_zone: 'Europe/Berlin' }
const hourly = { rate: '1 hour', time_zone: 'UTC', window_minutes: 5 }

function inS3(dataflows: readonly Dataflow[], path = 's3://landing/in'): RenderedManifest {
  const manifest = manifestOf(dataflows)
  return { ...manifest, connections: { ...manifest.connections, landing: { type: 'files', path } } }
}

function reading(path: string, parts: Partial<Dataflow> = {}): Dataflow {
  const base = flow('x')
  return { ...base, on: 'object_created', ...parts, source: { ...base.source!, path } }
}

describe('planTriggers', () => {
  it('makes one trigger of equal schedules, that runs exactly their dataflows', () => {
    const triggers = planTriggers(
      manifestOf([
        flow('c', { schedule: daily }),
        flow('a', { schedule: { ...daily } }),
        flow('b', { schedule: hourly, sql: "SELECT * FROM {{ ref('t.a') }}" }),
        flow('utc', { schedule: { ...daily, time_zone: 'UTC' } }),
        flow('off', { schedule: daily, is_active: false }),
        flow('never', { schedule: 'never', on: 'never' }),
        flow('none'),
      ]),
    )
    expect(triggers.map(({ id: _, ...rest }) => rest)).toEqual(
      expect.arrayContaining([
        {
          kind: 'schedule',
          expression: 'cron(0 6 * * ? *)',
          time_zone: 'Europe/Berlin',
          window_minutes: null,
          dataflows: ['a', 'c'],
          input: '{"dataflows":["a","c"],"project":"demo"}',
        },
        {
          kind: 'schedule',
          expression: 'rate(1 hour)',
          time_zone: 'UTC',
          window_minutes: 5,
          dataflows: ['b'],
          input: '{"dataflows":["b"],"project":"demo"}',
        },
      ]),
    )
    expect(triggers.map(({ dataflows }) => dataflows.join()).sort()).toEqual(['a,c', 'b', 'utc'])
  })

  it('makes one trigger of the files that dataflows share, besides their schedules', () => {
    const triggers = planTriggers(
      inS3([
        reading('orders/*.csv', { name: 'b', schedule: daily }),
        reading('orders/*.csv', { name: 'a' }),
        reading('all/**', { name: 'c' }),
      ]),
    )
    const objects = triggers.filter(({ kind }) => kind === 'object_created')
    expect(objects.map(({ id: _, input: _i, ...rest }) => rest)).toEqual(
      expect.arrayContaining([
        {
          kind: 'object_created',
          bucket: 'landing',
          key: { wildcard: 'in/orders/*.csv' },
          dataflows: ['a', 'b'],
        },
        { kind: 'object_created', bucket: 'landing', key: { prefix: 'in/all/' }, dataflows: ['c'] },
      ]),
    )
    expect([triggers.length, objects.length]).toEqual([3, 2])
  })

  it('is a function of the set of dataflows, and starts each as often as it says', () => {
    const schedule = fc.constantFrom(undefined, 'never' as const, daily, hourly, {
      ...hourly,
      time_zone: 'Asia/Tokyo',
    })
    const part = fc.record({
      schedule,
      on: fc.constantFrom(undefined, 'never' as const, 'object_created' as const),
      is_active: fc.boolean(),
      path: fc.constantFrom('a/*.csv', 'b/**', 'c.csv'),
    })
    const flows = fc.array(part, { maxLength: 12 }).map((parts) =>
      parts.map(({ path, schedule: s, on, ...rest }, i): Dataflow => {
        const optional = { ...(s === undefined ? {} : { schedule: s }), ...(on === undefined ? {} : { on }) }
        const base = flow(`f${i}`, { ...rest, ...optional })
        return { ...base, source: { ...base.source!, path } }
      }),
    )
    const shuffled = flows.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
    )
    fc.assert(
      fc.property(shuffled, ([all, other]) => {
        const triggers = planTriggers(inS3(all))
        expect(planTriggers(inS3(other))).toEqual(triggers)
        expect(new Set(triggers.map(({ id }) => id)).size).toBe(triggers.length)
        for (const { name, schedule: s, on, is_active } of all) {
          const wanted = is_active
            ? Number(s !== undefined && s !== 'never') + Number(on === 'object_created')
            : 0
          expect(triggers.filter(({ dataflows }) => dataflows.includes(name)).length).toBe(wanted)
        }
        for (const { dataflows, input } of triggers)
          expect(JSON.parse(input)).toEqual({ project: 'demo', dataflows })
      }),
    )
  })

  it('keeps its id when other dataflows join, and gets another one with another time', () => {
    const idOf = (...flows: readonly Dataflow[]) => planTriggers(manifestOf(flows))[0]!.id
    const one = idOf(flow('a', { schedule: daily }))
    expect(idOf(flow('b', { schedule: daily }), flow('c', { schedule: daily }))).toBe(one)
    expect(one).toMatch(/^[0-9a-f]{16}$/)
    for (const other of [
      { ...daily, cron: '1 6 * * ? *' },
      { ...daily, time_zone: 'UTC' },
      { ...daily, window_minutes: 1 },
    ])
      expect(idOf(flow('a', { schedule: other }))).not.toBe(one)
  })

  it('refuses arrivals in a directory, and more dataflows than an input can name', () => {
    const local = manifestOf([reading('*.csv', { name: 'a' }), reading('*.csv', { name: 'b' })])
    expect(() => planTriggers(local)).toThrow(
      expect.objectContaining({
        code: 'TRIGGER_SOURCE_LOCAL',
        message: expect.stringContaining('a (connection landing), b (connection landing)'),
      }),
    )
    const many = (count: number, parts: Partial<Dataflow>) =>
      inS3(Array.from({ length: count }, (_, i) => flow(`f${String(i).padStart(127, '0')}`, parts)))
    // 131 bytes for each name with its quotes and comma, 32 around them.
    expect(planTriggers(many(2000, { schedule: daily }))).toHaveLength(1)
    expect(() => planTriggers(many(2001, { schedule: daily }))).toThrow(
      /262163 bytes; an input has at most 262144/,
    )
    const objects = many(63, {}).dataflows.map(({ name }) => reading('a.csv', { name }))
    expect(() => planTriggers(inS3(objects))).toThrow(/at most 8192/)
  })
})

/** EventBridge's own matching, for these patterns. */
function matches(pattern: KeyPattern | undefined, key: string): boolean {
  if (pattern === undefined) return true
  if (typeof pattern === 'string') return key === pattern
  if ('prefix' in pattern) return key.startsWith(pattern.prefix)
  if ('suffix' in pattern) return key.endsWith(pattern.suffix)
  const source = pattern.wildcard.replaceAll(/\\(.)|(\*)|./g, (text, literal: string | undefined, star) =>
    star === undefined ? (literal ?? text).replaceAll(/[.*+?^${}()|[\]\\/-]/g, '\\$&') : '.*',
  )
  return new RegExp(`^${source}$`).test(key)
}

describe('keyPattern', () => {
  it.each([
    ['', 'a.csv', 'a.csv'],
    ['in', 'a.csv', 'in/a.csv'],
    ['in', '*.csv', { wildcard: 'in/*.csv' }],
    ['in', '**/*.parquet', { wildcard: 'in/*.parquet' }],
    ['in', 'a/**/b.csv', { wildcard: 'in/a/*b.csv' }],
    ['in', 'd=*/r=*/x.csv', { wildcard: 'in/d=*/x.csv' }],
    ['in', 'a.{csv,json}', { prefix: 'in/a.' }],
    ['in', 'a[0-9].csv', { wildcard: 'in/a*.csv' }],
    ['', '*.csv', { suffix: '.csv' }],
    ['', '**', undefined],
    ['', '!a.csv', undefined],
    ['in', '!a.csv', { prefix: 'in/' }],
    ['odd*', 'x*.csv', { wildcard: 'odd\\*/x*.csv' }],
  ] as const)('%s %s', (prefix, glob, pattern) => {
    expect(keyPattern(prefix, glob)).toEqual(pattern)
  })

  it('lets every object through that the source would read', () => {
    const piece = fc.constantFrom(
      ...[
        '*',
        '**',
        '?',
        '/',
        '**/',
        'a',
        'b',
        '.csv',
        '[ab]',
        '[^a]',
        '{a,b}',
        '{a,b/c}',
        '!(a)',
        '@(a|b)',
        '+(a)',
      ],
      ...['!', '|', '"', '(', '{', '[', '+', '@', '$', ','],
    )
    const glob = fc
      .array(piece, { minLength: 1, maxLength: 6 })
      .map((parts) => parts.join(''))
      .filter((text) => globMistake(text) === undefined)
    const keys = fc.array(
      fc.array(fc.constantFrom('a', 'b', 'c', '/', '.csv', '"', '!', '|', '+', '@', '{', ','), {
        minLength: 1,
        maxLength: 6,
      }),
      { minLength: 5, maxLength: 20 },
    )
    let read = 0
    fc.assert(
      fc.property(glob, keys, fc.constantFrom('', 'in', 'o*d/x'), (text, parts, prefix) => {
        const isLiteral = literalPrefix(text) === text
        const isRead = isLiteral ? (key: string) => key === text : picomatch(text)
        const pattern = keyPattern(prefix, text)
        for (const key of parts.map((each) => each.join(''))) {
          if (!key.startsWith(literalPrefix(text)) || !isRead(key)) continue
          read += 1
          expect([text, key, pattern, matches(pattern, prefix === '' ? key : `${prefix}/${key}`)]).toEqual([
            text,
            key,
            pattern,
            true,
          ])
        }
      }),
      { numRuns: 2000 },
    )
    expect(read).toBeGreaterThan(500)
  })
})

describe('what a plan shows', () => {
  const flows = [
    flow('b', { schedule: daily }),
    flow('a', { schedule: daily }),
    reading('*.csv', { name: 'c', schedule: hourly }),
    flow('elsewhere', { schedule: daily }),
  ]
  const planned = new Set(['a', 'b', 'c'])

  it('is a line for each start, and why one cannot be deployed', () => {
    expect(formatStarts(plannedStarts(manifestOf(flows), planned), 'text')).toBe(`
Starts by itself once deployed
  new ./landing/*.csv              c (only from a connection in S3)
  cron(0 6 * * ? *) Europe/Berlin  a, b
  rate(1 hour), within 5 min       c
`)
    expect(formatStarts(plannedStarts(inS3(flows), planned), 'md')).toContain(
      '| new s3://landing/in/\\*.csv | c |',
    )
    expect(formatStarts([], 'text')).toBe('')
  })
})
