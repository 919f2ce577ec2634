import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { csvDataflow, manifestOf, sluice, sqlDataflow, temporaryProject } from './command-line.suite.ts'

const total = sqlDataflow(
  'total',
  "SELECT sum(amount) AS total FROM {{ ref('bronze.orders') }}",
  'total: { type: decimal, precision: 38, scale: 2 }',
)
const good = temporaryProject({ 'sluice.yaml': manifestOf(csvDataflow('orders'), total) })

async function refused(yaml: string, args: readonly string[] = ['validate']): Promise<string> {
  const cwd = temporaryProject({ 'sluice.yaml': yaml })
  const { code, stdout, stderr } = await sluice(args, { cwd })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(existsSync(join(cwd, '.sluice'))).toBe(false)
  expect(stderr).not.toMatch(/^\s+at /m)
  return stderr
}

describe('a manifest that is wrong stops everything before anything is read', () => {
  test('broken YAML, with its place', async () => {
    const stderr = await refused('version: 1\nproject: shop\nconnections: { a: {type: lake }\n')
    expect(stderr).toContain('error [MANIFEST_INVALID]')
    expect(stderr).toMatch(/sluice\.yaml:\d+:\d+: /)
  })

  test('every problem at once: an unknown key with line and column, a reference to nothing', async () => {
    const yaml = manifestOf(
      csvDataflow('orders').replace('stage:', 'stagee:'),
      sqlDataflow('x', "SELECT 1 AS a FROM {{ ref('bronze.ordres') }}", 'a: { type: integer }'),
    )
    const line = yaml.split('\n').findIndex((text) => text.includes('stagee:')) + 1
    const stderr = await refused(yaml)
    expect(stderr).toContain('The manifest has 2 problems')
    expect(stderr).toContain(`sluice.yaml:${line}:5: unknown key \`stagee\`. Did you mean \`stage\`?`)
    expect(stderr).toContain('Did you mean `bronze.orders`?')
  })

  test('a cycle, named in full, for run and plan as for validate', async () => {
    const yaml = manifestOf(csvDataflow('a', '    depends_on: [b]'), csvDataflow('b', '    depends_on: [a]'))
    for (const command of ['validate', 'plan', 'run']) {
      expect(await refused(yaml, [command])).toContain('a -> b -> a')
    }
  })

  test('an expression that reads the clock, before anything runs', async () => {
    const orders = csvDataflow('orders').replace(
      'columns:',
      "rules: [{ name: old, expr: 'now() > day' }]\n      columns:",
    )
    for (const command of ['validate', 'plan', 'run']) {
      expect(await refused(manifestOf(orders), [command])).toMatch(
        /sluice\.yaml:\d+:\d+: the expression is refused: it calls now\(\)/,
      )
    }
  })

  test('no manifest there', async () => {
    const cwd = temporaryProject({ 'other/sluice.yml': '' })
    const { code, stderr } = await sluice(['run'], { cwd })
    expect(code).toBe(2)
    expect(stderr).toContain('error [PROJECT_NOT_FOUND]: there is no sluice.yaml')
    expect((await sluice(['plan', '--project', 'other'], { cwd })).stderr).toContain(
      'Rename it to sluice.yaml',
    )
    expect((await sluice(['plan', '--project', 'nowhere'], { cwd })).stderr).toContain('there is no nowhere')
  })

  test('as JSON and Markdown the problems are the answer', async () => {
    const cwd = temporaryProject({ 'sluice.yaml': 'version: 2\n' })
    const json = await sluice(['validate', '--format', 'json'], { cwd })
    const answer = JSON.parse(json.stdout)
    expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 2, stderr: '' })
    expect(answer).toMatchObject({ schema: 'sluice.validation.v1', valid: false })
    expect(answer.problems).toContainEqual(
      expect.objectContaining({ file: 'sluice.yaml', line: 1, column: 10, path: 'version' }),
    )
    const md = await sluice(['validate', '--format', 'md'], { cwd })
    expect(md.stdout).toContain('| sluice.yaml:1:10 | version |')
  })
})

describe('validate and render', () => {
  test('one line when all is well, from anywhere', async () => {
    const here = await sluice(['validate'], { cwd: good })
    expect(here).toEqual({
      code: 0,
      stdout: 'shop is valid: 2 dataflows, 2 stages, 2 connections, 1 file\n',
      stderr: '',
    })
    expect(await sluice(['--project', good, 'validate'], { cwd: '/' })).toEqual(here)
    expect(await sluice(['validate', '--project', join(good, 'sluice.yaml')], { cwd: '/' })).toEqual(here)
  })

  test('render prints what is in effect, as YAML that validates and as JSON', async () => {
    const yaml = await sluice(['render'], { cwd: good })
    expect(yaml.stdout).toContain('watermark_columns: []')
    const again = temporaryProject({ 'sluice.yaml': yaml.stdout })
    const { stdout } = await sluice(['render', '--format', 'json'], { cwd: good })
    const rendered = await sluice(['render', '--format', 'json'], { cwd: again })
    expect(JSON.parse(rendered.stdout)).toEqual(JSON.parse(stdout))
    expect(JSON.parse(stdout).dataflows[0]).toMatchObject({ name: 'orders', is_active: true })
  })

  test('--why says where a value came from, and what was meant', async () => {
    const path = 'dataflows.orders.contract.enforcement'
    const { stdout } = await sluice(['render', '--why', path, '--format', 'json'], { cwd: good })
    expect(JSON.parse(stdout)).toMatchObject([
      { path, value: 'quarantine', from: 'manifest', file: 'sluice.yaml' },
    ])
    const { code, stderr } = await sluice(['render', '--why', 'dataflows.order'], { cwd: good })
    expect(code).toBe(2)
    expect(stderr).toContain('error [PATH_UNKNOWN]')
  })
})

describe('plan', () => {
  test('needs no source to be there, and writes nothing', async () => {
    const { code, stdout, stderr } = await sluice(['plan'], { cwd: good })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(
      /Wave 1\n +orders .*\n +reads +landing: orders-\*\.csv \(csv\)\n +writes bronze\.orders/,
    )
    expect(stdout).toMatch(/Wave 2\n +total /)
    expect(existsSync(join(good, '.sluice'))).toBe(false)
    expect(existsSync(join(good, 'landing'))).toBe(false)
  })

  test('shows what is left out, and why', async () => {
    const { stdout } = await sluice(['plan', '--stage', 'gold', '--format', 'json'], { cwd: good })
    const plan = JSON.parse(stdout)
    expect(plan).toMatchObject({
      schema: 'sluice.plan.v1',
      excluded: [{ name: 'orders', reason: 'stage bronze is not selected' }],
      options: { stage: ['gold'], max_workers: 8 },
    })
    const names = plan.waves.map((wave: { dataflows: { name: string }[] }) =>
      wave.dataflows.map((d) => d.name),
    )
    expect(names).toEqual([['total']])
  })

  test('shows what would start by itself once deployed, of the dataflows that it runs', async () => {
    const yaml = manifestOf(
      csvDataflow('orders').replace('    stage:', '    on: object_created\n    stage:'),
      total.replace('    stage:', '    schedule: { cron: 0 6 * * ? *, window_minutes: 5 }\n    stage:'),
    )
    const cwd = temporaryProject({ 'sluice.yaml': yaml })
    const text = (await sluice(['plan'], { cwd })).stdout
    expect(text).toContain('run with max_workers 8, no retries\n\nStarts by itself once deployed\n')
    expect(text).toMatch(/ new \.\/landing\/orders-\*\.csv +orders \(only from a connection in S3\)\n/)
    expect(text).toMatch(/ cron\(0 6 \* \* \? \*\) UTC, within 5 min +total\n$/)
    const { stdout } = await sluice(['plan', '--dataflow', 'total', '--format', 'json'], { cwd })
    expect(JSON.parse(stdout).starts).toEqual([
      {
        starts_by: 'schedule',
        when: 'cron(0 6 * * ? *) UTC, within 5 min',
        dataflows: ['total'],
        note: null,
      },
    ])
    expect((await sluice(['plan'], { cwd: good })).stdout).not.toContain('Starts by itself')
  })

  test('selectors may be repeated and have commas', async () => {
    const args = ['plan', '--dataflow', 'orders', '--dataflow', 'total,orders', '--format', 'json']
    const { stdout } = await sluice(args, { cwd: good })
    expect(JSON.parse(stdout).options.dataflows).toEqual(['orders', 'total'])
  })

  test('as Markdown for a job summary', async () => {
    const { stdout } = await sluice(['plan', '--format', 'md'], { cwd: good })
    expect(stdout).toContain('| wave | dataflow | stage | reads | writes | why |')
  })

  test.each([
    ['an empty selector', ['--stage', ''], 'RUN_OPTIONS_INVALID', 'selects nothing'],
    ['an unknown stage', ['--stage', 'golf'], 'SELECTOR_UNKNOWN', 'did you mean `gold`?'],
    ['an unknown dataflow', ['--dataflow', 'nobody'], 'SELECTOR_UNKNOWN', 'orders, total'],
    ['too many workers', ['--max-workers', '100000'], 'RUN_OPTIONS_INVALID', 'max_workers must be'],
    ['nothing left', ['--stage', 'gold', '--dataflow', 'orders'], 'SELECTION_EMPTY', 'no dataflow is left'],
  ])('%s is refused by plan and by run', async (_what, selection, code, words) => {
    for (const command of ['plan', 'run']) {
      const { code: exit, stdout, stderr } = await sluice([command, ...selection], { cwd: good })
      expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' })
      expect(stderr).toContain(`error [${code}]`)
      expect(stderr).toContain(words)
    }
    expect(existsSync(join(good, '.sluice'))).toBe(false)
  })
})
