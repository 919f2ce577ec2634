import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { renderYaml } from './render.ts'
import { load, problemsOf } from './test-project.suite.ts'
import { why } from './why.ts'

const head = `version: 1
project: shop
connections: { landing: { type: files, path: s3://landing/in }, lake: { type: lake } }
`
const source = 'source: { connection: landing, path: a.csv, format: csv }'
const transform = `transform: { sql: "SELECT * FROM {{ ref('t.a') }}" }`

function flow(name: string, ...lines: readonly string[]): string {
  const sink = `sink: { connection: lake, table: t.${name}, load_type: overwrite }`
  return [`  - name: ${name}`, ...lines.map((line) => `    ${line}`), `    ${sink}`, ''].join('\n')
}

async function startsOf(defaults: string, ...flows: readonly string[]) {
  const text = `${head}defaults: ${defaults}\ndataflows:\n${flows.join('')}`
  const { manifest } = await load({ 'sluice.yaml': text })
  expect((await load({ 'sluice.yaml': renderYaml(manifest) })).manifest).toEqual(manifest)
  return manifest.dataflows.map(({ schedule, on }) => ({ schedule, on }))
}

async function problems(...flows: readonly string[]): Promise<string[]> {
  const lines = await problemsOf({ 'sluice.yaml': `${head}dataflows:\n${flows.join('')}` })
  return lines.map((line) => line.replace('sluice.yaml:', ''))
}

describe('schedule and on', () => {
  test('are absent unless they are written; `on` is a word, not a truth value', async () => {
    const flows = [flow('a', source), flow('b', source, 'on: object_created', 'schedule: { rate: 1 hour }')]
    expect(await startsOf('{}', ...flows)).toEqual([
      { schedule: undefined, on: undefined },
      { schedule: { rate: '1 hour', time_zone: 'UTC' }, on: 'object_created' },
    ])
  })

  test('are inherited key by key; never opts out; one kind takes the place of the other', async () => {
    const defaults =
      '{ schedule: { cron: 0  6 * * ? *, time_zone: Europe/Berlin, window_minutes: 15 }, on: object_created }'
    expect(
      await startsOf(
        defaults,
        flow('a', source),
        flow('b', source, 'schedule: never', 'on: never'),
        flow('c', source, 'schedule: { rate: 2 days }'),
        flow('d', transform, 'schedule: { cron: 30 6 * * ? *, window_minutes: 1 }'),
      ),
    ).toEqual([
      {
        schedule: { cron: '0 6 * * ? *', time_zone: 'Europe/Berlin', window_minutes: 15 },
        on: 'object_created',
      },
      { schedule: 'never', on: 'never' },
      { schedule: { rate: '2 days', time_zone: 'UTC', window_minutes: 15 }, on: 'object_created' },
      { schedule: { cron: '30 6 * * ? *', time_zone: 'Europe/Berlin', window_minutes: 1 }, on: undefined },
    ])
    expect(
      await startsOf('{ schedule: { rate: 1 day } }', flow('a', source, 'schedule: { cron: 0 6 * * ? * }')),
    ).toEqual([{ schedule: { cron: '0 6 * * ? *', time_zone: 'UTC' }, on: undefined }])
    expect(await startsOf('{ schedule: never }', flow('a', source, 'schedule: { rate: 1 day }'))).toEqual([
      { schedule: { rate: '1 day', time_zone: 'UTC' }, on: undefined },
    ])
  })

  test('say where they come from', async () => {
    const text = `${head}defaults: { schedule: { rate: 1 day } }\ndataflows:\n${flow('a', source)}`
    const [answer] = why(await load({ 'sluice.yaml': text }), 'dataflows.a.schedule.rate')
    expect(answer).toMatchObject({ value: '1 day', from: 'defaults', line: 4 })
  })

  test('are strings in every spelling that YAML 1.1 took for a truth value', () => {
    expect(parse('on: object_created')).toEqual({ on: 'object_created' })
  })

  test('are refused with what to write instead', async () => {
    expect(
      await problems(
        flow('a', source, 'schedule: { cron: "0 6 * * *" }', 'on: objects_created'),
        flow('b', source, 'schedule: { rate: 1 hours, widow_minutes: 3 }', 'on: true'),
        flow('c', source, 'schedule: daily'),
        flow('d', source, 'schedule: { time_zone: europe/berlin }'),
        flow('e', source, 'schedule: { cron: 0 6 * * ? *, rate: 1 day, window_minutes: 1441 }'),
        flow('f', transform, 'schedule: { rate: 1 day, time_zone: Asia/Tokyo }', 'on: object_created'),
        flow('g', source, 'schedule: { crom: 0 6 * * ? * }'),
        flow('h', source, 'schedule: {}'),
        flow('i', source, 'schedule: [never]'),
        flow('j', source, 'schedule: none'),
      ),
    ).toEqual([
      '7:23: `cron` cannot be `0 6 * * *`. It has five fields, and EventBridge has a sixth one, the year: write 0 6 * * ? *.',
      '8:9: `on` cannot be `objects_created`. Did you mean `object_created`? Known: object_created, never.',
      '12:23: `rate` cannot be `1 hours`. Write 1 hour.',
      '12:32: unknown key `widow_minutes`. Did you mean `window_minutes`?',
      '13:9: `on` cannot be `true`. Use object_created, never.',
      '17:15: `schedule` cannot be `daily`. Give it `cron` or `rate`, or write never.',
      '21:5: a schedule needs `cron` or `rate`. Add cron: 0 6 * * ? *, or rate: 1 hour; schedule: never for none.',
      '21:28: `time_zone` cannot be `europe/berlin`. Write Europe/Berlin.',
      '25:42: `cron` and `rate` are both given. A schedule has one of them: remove one.',
      '25:65: `window_minutes` cannot be 1441. It must be at most 1440.',
      '29:41: `time_zone` has no meaning with `rate`, which is counted from the deployment. Remove it, or use cron.',
      '30:9: `on: object_created` without a `source`: no object’s arrival means anything to a transform. Remove it, and give the dataflow a schedule.',
      '34:17: unknown key `crom`. Did you mean `cron`?',
      '38:5: a schedule needs `cron` or `rate`. Add cron: 0 6 * * ? *, or rate: 1 hour; schedule: never for none.',
      '42:15: `schedule` cannot be `["never"]`. Give it `cron` or `rate`, or write never.',
      '46:15: `schedule` cannot be `none`. Give it `cron` or `rate`, or write never.',
    ])
  })

  test('what is wrong in defaults is wrong there, once', async () => {
    const text = `${head}defaults: { schedule: { cron: 0 6 * * *, tz: UTC } }\ndataflows:\n${flow('a', source)}${flow('b', source)}`
    const lines = await problemsOf({ 'sluice.yaml': text })
    expect(lines.map((line) => line.slice(0, 60))).toEqual([
      'sluice.yaml:4:31: `cron` cannot be `0 6 * * *`. It has five ',
      'sluice.yaml:4:42: unknown key `tz`. Known here: cron, rate, ',
    ])
  })
})
