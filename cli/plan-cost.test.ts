import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { csvDataflow, manifestOf, sluice, temporaryProject, writeProjectFile } from './command-line.suite.ts'
import { costLine, dollars } from './cost-words.ts'

const manifest = { 'sluice.yaml': manifestOf(csvDataflow('orders'), csvDataflow('items')) }
const csv = ['id,amount', '1,10.50', '2,3.00', ''].join('\n')

describe('sluice plan --cost', () => {
  test('before any run: from what was measured, by the size that is given, and nothing is written', async () => {
    const cwd = temporaryProject(manifest)
    const { code, stdout, stderr } = await sluice(['plan', '--cost'], { cwd })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^orders +\$0\.\d+ +\$0\.\d+ .* default$/m)
    expect(stdout).toContain('taken as 10 MB of CSV each, as measured on')
    expect(existsSync(join(cwd, '.sluice'))).toBe(false)
    const of = async (mb: string) =>
      JSON.parse((await sluice(['plan', '--cost', '--input-mb', mb, '--format', 'json'], { cwd })).stdout)
    const [little, much] = [await of('1'), await of('1000')]
    expect(little).toMatchObject({
      schema: 'sluice.plan-cost.v1',
      dataflows: [{ basis: 'default', input_bytes: 1_000_000 }, {}],
    })
    expect(much.standard.lambda_gb_seconds).toBeGreaterThan(10 * little.standard.lambda_gb_seconds)
    expect(little.standard.transitions).toBe(2 * 18 + 8)
    expect(little.express).toMatchObject({ transitions: 8, express_requests: 2 })
    expect(little.express.usd).toBeLessThan(little.standard.usd)
  })

  test('after a run: by its records, dataflow by dataflow; and the run itself says what it cost', async () => {
    const cwd = temporaryProject(manifest)
    writeProjectFile(cwd, 'landing/orders-1.csv', csv)
    const run = await sluice(['run', '--dataflow', 'orders', '--format', 'json'], { cwd })
    const result = JSON.parse(run.stdout)
    expect(run.code).toBe(0)
    const planned = JSON.parse((await sluice(['plan', '--cost', '--format', 'json'], { cwd })).stdout)
    const [items, orders] = planned.dataflows
    expect(items).toMatchObject({ dataflow: 'items', basis: 'default' })
    expect(orders).toMatchObject({ dataflow: 'orders', basis: 'recorded', run_id: result.run_id })
    expect(orders.standard).toEqual(result.dataflows[0].cost)
    expect(orders.milliseconds.contract).toBe(result.cost.handlers.contract.milliseconds)
    const shown = await sluice(['status', result.run_id, '--format', 'json'], { cwd })
    expect(JSON.parse(shown.stdout).cost).toEqual(result.cost)
    expect(costLine(result.cost)).toMatch(
      /^about \$0\.\d+ on AWS \(us-east-1\): 26 transitions, \d+\.\d GB-s in 15 invocations, \d+ DynamoDB units, \d+ S3 requests$/,
    )
  })

  test('options that mean nothing are refused', async () => {
    const cwd = temporaryProject(manifest)
    for (const args of [
      ['--input-mb', '5'],
      ['--cost', '--input-mb', '0'],
      ['--cost', '--input-mb', 'many'],
    ]) {
      const { code, stdout } = await sluice(['plan', ...args], { cwd })
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    }
  })
})

test('money has two digits that count, and never fewer than cents', () => {
  expect([0, 0.00044, 0.0123, 0.5, 1.349, 1234.5].map(dollars)).toEqual([
    '$0',
    '$0.00044',
    '$0.012',
    '$0.50',
    '$1.35',
    '$1,234.50',
  ])
})
