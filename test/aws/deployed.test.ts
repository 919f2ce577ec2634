import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { DeleteTableCommand, GetTableCommand } from '@aws-sdk/client-glue'
import {
  DeleteFunctionConcurrencyCommand,
  InvokeCommand,
  PutFunctionConcurrencyCommand,
  paginateListFunctions,
} from '@aws-sdk/client-lambda'
import { CreateBucketCommand, ListBucketsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { GetScheduleCommand, ListSchedulesCommand } from '@aws-sdk/client-scheduler'
import { DescribeExecutionCommand, ListExecutionsCommand, StopExecutionCommand } from '@aws-sdk/client-sfn'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { RenderedManifest } from '../../core/manifest/types.ts'
import type { Evidence } from '../../core/runs/evidence.ts'
import { readHead } from '../../core/runs/lease.ts'
import { storeRenderedManifest } from '../../core/runs/manifest-store.ts'
import { pointProject } from '../../core/runs/projects.ts'
import { readFlow } from '../../core/runs/runs.ts'
import { readJsonRef } from '../../core/stores/object-ref.ts'
import type { TableIdentifier } from '../../core/stores/state-store.ts'
import { expectedFailure, surprises } from '../../examples/flights/verdict.ts'
import { type ExecutionResult, loadProject } from '../../index.ts'
import { findStack } from '../../remote/stack.ts'
import { type Ask, openAsk } from '../support/duckdb.ts'
import { airportSums, type Expected, expectFlights, flightSums } from '../support/flights-expected.ts'
import { copyExample, type ExampleCopy } from '../support/flights-project.ts'
import { type Cloud, type Deployment, openCloud, openDeployment } from './deployment.ts'
import { downloadFiles, type LakeTable, readRows, readTables, serveS3With } from './lake-tables.ts'
import { whyNoCloud } from './servers.ts'
import { writeSmallProject } from './small-project.ts'
import { tradeOnStack } from './trade-on-stack.ts'

const why = whyNoCloud(inject('ministack'))
if (why === undefined) suite()
else it.skip(`the deployed stack: ${why}`, () => undefined)

const stackName = 'Sluice'
const landing = 'landing-of-flights'
const appends = ['birdstrikes_raw', 'flights', 'flights_raw']
const settings = [
  'stackName=Sluice',
  'architecture=x64',
  'environment=test',
  'removalPolicy=destroy',
  'glueMirror=true',
  `sources=${landing}`,
]

function suite(): void {
  let cloud: Cloud
  let deployment: Deployment
  let example: ExampleCopy
  let ask: Ask
  let expected: Expected
  let stopServing: () => void
  /** The directory of the project `orders`. */
  let orders: string

  /** Deploys with these settings besides those that every deployment here has. */
  const deploy = async (...more: string[]) => {
    const options = [
      '--require-approval',
      'never',
      '--progress',
      'events',
      ...contextOf([...settings, ...more]),
    ]
    await cloud.cdk('deploy', stackName, ...options)
  }
  const deliver = async (Key: string, Body: string | Uint8Array) =>
    await cloud.s3.send(new PutObjectCommand({ Bucket: landing, Key, Body }))
  const deployProject = async (manifest: RenderedManifest) => {
    const { ports } = deployment
    await pointProject(ports, manifest.project, await storeRenderedManifest(ports.evidence, manifest))
  }
  const sluice = async (...args: string[]) => await cloud.sluice(...args, '--stack', stackName)
  const sumOf = async (table: LakeTable, sums: string) => {
    const files = await downloadFiles(table, join(example.directory, 'downloads'))
    return (await ask(`SELECT ${sums} FROM read_parquet(['${files.join("', '")}'])`))[0]
  }

  beforeAll(async () => {
    cloud = await openCloud()
    stopServing = serveS3With(cloud.s3)
    ask = await openAsk()
    example = await copyExample()
    expected = await expectFlights(ask, example.landing)
    await cloud.s3.send(new CreateBucketCommand({ Bucket: landing }))
    await cloud.cdk('bootstrap', ...contextOf(settings))
    await deploy()
    deployment = await openDeployment(cloud, stackName)
    for (const name of await readdir(example.landing)) {
      await deliver(`flights/${name}`, await readFile(join(example.landing, name)))
    }
    const file = join(example.directory, 'sluice.yaml')
    const yaml = await readFile(file, 'utf8')
    await writeFile(file, yaml.replace('path: ./landing', `path: s3://${landing}/flights`))
    await deployProject((await loadProject(example.directory)).rendered)
    await deliver('orders/orders-1.csv', 'id,amount\n1,10\n2,20\n')
    await deliver('orders/customers.csv', 'id,name\n7,Ada\n')
    orders = await mkdtemp(join(tmpdir(), 'orders-'))
    await writeSmallProject(orders, `s3://${landing}/orders`, { scheduled: true })
    expect(await sluice('deploy', '--project', orders)).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /version 1, 3 dataflows changed[\s\S]*rate\(1 minute\) UTC starts customers/,
      ),
    })
  }, 300_000)

  afterAll(async () => {
    stopServing?.()
    ask?.close()
    example?.remove()
    if (orders !== undefined) await rm(orders, { recursive: true, force: true })
    await cloud?.stop()
  }, 60_000)

  describe('a stack that cdk deploy made', () => {
    it('brings examples/flights to what an embedded run comes to', { timeout: 240_000 }, async () => {
      const input = { project: 'flights', max_workers: 2 }
      const execution = await deployment.run('flights-1', input)
      expect(execution).toMatchObject({ status: 'FAILED', error: 'RunFailed' })
      const result = await deployment.result('flights-1')
      expect(surprises(result)).toEqual([])
      expect(result).toMatchObject({ status: 'failed', total: 13, succeeded: 12, failed: 1, skipped: 0 })
      expect(rowsOf(result)).toEqual(expected.rows)
      expect(result.dataflows.map(({ attempts }) => attempts)).toEqual(Array(13).fill(1))
    })

    it('has the tables that the files should make, for any reader', { timeout: 120_000 }, async () => {
      const tables = await readTables(deployment.ports)
      const names = Object.keys(await tablesAtRest())
      expect(names).toHaveLength(12)
      expect(names).not.toContain('audit.airports')
      for (const [name, rows] of Object.entries(expected.tables)) {
        expect(await readRows(tables[name] as LakeTable)).toEqual(rows)
      }
      expect(await sumOf(tables['bronze.flights'] as LakeTable, flightSums)).toEqual(
        expected.sums['bronze.flights'],
      )
      expect(await sumOf(tables['bronze.airports'] as LakeTable, airportSums)).toEqual(
        expected.sums['bronze.airports'],
      )
    })

    it('keeps evidence of every outcome, and the rows that it refused', async () => {
      const { evidence } = deployment.ports
      for (const flow of (await deployment.result('flights-1')).dataflows) {
        const found = await readJsonRef<Evidence>(evidence, flow.evidence as never)
        const isFailed = flow.dataflow === expectedFailure.dataflow
        expect(found).toMatchObject({
          dataflow: flow.dataflow,
          outcome: isFailed ? 'failed' : 'passed',
          rows: flow.rows,
        })
        const gates = found.gates.map(({ gate }) => gate)
        if (isFailed) {
          expect(gates).toEqual(['extract', 'lineage', 'contract'])
          expect(found.error).toMatchObject({
            gate: 'contract',
            name: 'ContractError',
            code: expectedFailure.code,
          })
        } else expect(gates).toHaveLength(8)
        expect(flow.quarantine !== undefined).toBe(flow.rows?.quarantined !== 0)
        if (flow.quarantine === undefined) continue
        expect(await evidence.head(flow.quarantine.key)).toMatchObject({ size: flow.quarantine.size })
      }
    })

    it('tries a dataflow again whose function was throttled', { timeout: 120_000 }, async () => {
      const FunctionName = await functionOf('extract')
      const off = new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 })
      await cloud.lambda.send(off)
      const options = { dataflows: ['orders'], retry_count: 3, retry_delay_seconds: 3 }
      const running = deployment.run('orders-1', { project: 'orders', ...options })
      await until(async () => (await flowOf('orders-1', 'orders'))?.status === 'failed' || undefined)
      expect(await flowOf('orders-1', 'orders')).toMatchObject({
        gate: 'extract',
        error: { name: 'Lambda.TooManyRequestsException' },
      })
      await cloud.lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }))
      expect(await running).toMatchObject({ status: 'SUCCEEDED' })
      const [flow] = (await deployment.result('orders-1')).dataflows
      expect(flow).toMatchObject({ status: 'succeeded', rows: { read: 2, accepted: 2 } })
      expect(flow?.attempts).toBeGreaterThan(1)
      expect(await rowsIn('sales.orders')).toBe(2)
    })

    it('resumes a run with what had not succeeded', { timeout: 60_000 }, async () => {
      await deliver('orders/orders-2.csv', 'id,amount\n3,30\n')
      const first = await deployment.run('orders-2', {
        project: 'orders',
        dataflows: ['orders', 'refunds'],
      })
      expect(first).toMatchObject({ status: 'FAILED', error: 'RunFailed' })
      const failed = await deployment.result('orders-2')
      expect(failed.dataflows).toMatchObject([
        { dataflow: 'orders', status: 'succeeded', attempts: 1 },
        { dataflow: 'refunds', status: 'failed', gate: 'extract', error: { code: 'SOURCE_MISSING' } },
      ])
      await deliver('orders/refunds.csv', 'id,amount\n1,5\n')
      const resumed = await deployment.run('orders-2-again', { run_id: 'orders-2', resume: true })
      expect(resumed).toMatchObject({ status: 'SUCCEEDED' })
      expect((await deployment.result('orders-2')).dataflows).toMatchObject([
        { dataflow: 'orders', status: 'succeeded', attempts: 1 },
        { dataflow: 'refunds', status: 'succeeded', attempts: 2, rows: { accepted: 1 } },
      ])
      expect(await rowsIn('sales.orders')).toBe(3)
      expect(await rowsIn('sales.refunds')).toBe(1)
    })

    it('is worked from the command line', { timeout: 120_000 }, async () => {
      await deliver('orders/orders-3.csv', 'id,amount\n4,40\n')
      const ran = await sluice('run', '--project', orders, '--dataflow', 'orders', '--run-id', 'orders-3')
      expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('Run orders-3 succeeded') })
      expect(ran.err).toMatch(/run orders-3 started: 1 dataflow[\s\S]*orders succeeded after .* 1 accepted/)
      expect(await rowsIn('sales.orders')).toBe(4)
      const seen = await sluice('status', 'orders-3', '--format', 'json')
      expect(JSON.parse(seen.out)).toMatchObject({ run_id: 'orders-3', status: 'succeeded' })
      expect(await sluice('evidence', 'orders-3', '--verify')).toMatchObject({ code: 0 })
      const rejected = await sluice('quarantine', 'flights-1', 'movies_raw', '--format', 'json')
      expect(JSON.parse(rejected.out).rows).toHaveLength(expected.rows.movies_raw?.quarantined as number)
      const pending = await sluice('quarantine', 'list', '--format', 'json')
      expect(JSON.parse(pending.out).quarantines).toContainEqual(
        expect.objectContaining({ run_id: 'flights-1', dataflow: 'movies_raw' }),
      )
    })

    describe('with contracts at work', () =>
      tradeOnStack(() => ({ cloud, deployment, ask, landing, deliver })))

    it('says what is wrong on the command line, and starts nothing', { timeout: 120_000 }, async () => {
      const wrong = async (code: string, ...args: string[]) =>
        expect(await sluice(...args)).toMatchObject({ code: 2, err: expect.stringContaining(`[${code}]`) })
      await wrong('PROJECT_AMBIGUOUS', 'run')
      await wrong('PROJECT_NOT_DEPLOYED', 'run', '--project-name', 'nobody')
      await wrong('SELECTOR_UNKNOWN', 'run', '--project-name', 'orders', '--dataflow', 'nothing')
      await wrong('RUN_EXISTS', 'run', '--project', orders, '--run-id', 'orders-3')
      await wrong('RUN_ENDED', 'cancel', 'orders-3')
      await wrong('RUN_UNKNOWN', 'cancel', 'never')
      await wrong('USAGE', 'plan', '--project', orders)
      expect(await cloud.sluice('status', '--stack', 'Other')).toMatchObject({
        code: 2,
        err: expect.stringContaining('[STACK_NOT_FOUND]'),
      })
      expect(await sluice('deploy', '--project', orders)).toMatchObject({
        code: 0,
        out: expect.stringContaining('was deployed to Sluice already: version 1'),
      })
    })

    it('cuts a run off, and goes on with one that was stopped in the console', {
      timeout: 120_000,
    }, async () => {
      const { ports, stack } = deployment
      const FunctionName = await functionOf('extract')
      await deliver('orders/orders-4.csv', 'id,amount\n5,50\n')
      const atWork = async (runId: string) => {
        const off = new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 })
        await cloud.lambda.send(off)
        const given = ['--dataflow', 'orders', '--retry-count', '3', '--run-id', runId, '--detach']
        expect(await sluice('run', '--project-name', 'orders', ...given)).toMatchObject({ code: 0 })
        await until(async () => ((await flowOf(runId, 'orders'))?.status === 'running' ? true : undefined))
      }
      const executionArn = (runId: string) =>
        `${stack.StateMachineArn.replace(':stateMachine:', ':execution:')}:${runId}`
      await atWork('orders-5')
      const refused = await sluice('run', '--resume', 'orders-5')
      expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('[RUN_ACTIVE]') })
      const cancelled = await sluice('cancel', 'orders-5', '--now')
      expect(cancelled).toMatchObject({ code: 0, out: expect.stringContaining('Run orders-5 was cancelled') })
      const ended = await cloud.sfn.send(
        new DescribeExecutionCommand({ executionArn: executionArn('orders-5') }),
      )
      expect(ended).toMatchObject({ status: 'ABORTED', error: 'Cancelled' })
      expect(await deployment.result('orders-5')).toMatchObject({ status: 'failed', failed: 1, running: 0 })
      expect((await readHead(ports, 'orders', 'orders')).lease).toBeNull()

      await atWork('orders-6')
      await cloud.sfn.send(new StopExecutionCommand({ executionArn: executionArn('orders-6') }))
      await cloud.lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }))
      const resumed = await sluice('run', '--resume', 'orders-6')
      expect(resumed).toMatchObject({ code: 0, out: expect.stringContaining('Run orders-6 succeeded') })
      expect(await rowsIn('sales.orders')).toBe(5)
    })

    it('keeps its data when it is deployed again with another setting', { timeout: 240_000 }, async () => {
      const before = await tablesAtRest()
      await deploy('childType=EXPRESS')
      deployment = await openDeployment(cloud, stackName)
      expect(await tablesAtRest()).toEqual(before)
      const again = await deployment.run('flights-2', {
        project: 'flights',
        dataflows: [...appends, 'strikes_by_phase', expectedFailure.dataflow],
        max_workers: 2,
      })
      expect(again).toMatchObject({ status: 'FAILED', error: 'RunFailed' })
      const result = await deployment.result('flights-2')
      expect(surprises(result)).toEqual([])
      expect(named(result, 'skipped')).toEqual(appends)
      expect(named(result, 'succeeded')).toEqual(['strikes_by_phase'])
      const after = await readTables(deployment.ports)
      for (const table of ['bronze.flights', 'silver.flights', 'bronze.birdstrikes']) {
        expect(after[table]).toEqual(before[table])
      }
      const gold = after['gold.strikes_by_phase'] as LakeTable
      expect(gold.snapshots).toBe(2)
      expect(await readRows(gold)).toEqual(expected.tables['gold.strikes_by_phase'])
    })

    it('shows each commit in Glue, and repairs with the next comparison what was lost there', {
      timeout: 120_000,
    }, async () => {
      const { catalog } = deployment.ports
      const isShown = async (table: TableIdentifier): Promise<boolean> => {
        const request = { DatabaseName: `sluice_${table.namespace}`, Name: table.name }
        const answer = await cloud.glue.send(new GetTableCommand(request)).catch(() => undefined)
        const shown = answer?.Table?.Parameters?.metadata_location
        return shown !== undefined && shown === (await catalog.load(table))
      }
      const committed = { namespace: 'gold', name: 'strikes_by_phase' }
      await until(async () => (await isShown(committed)) || undefined)
      const { Schedules = [] } = await cloud.scheduler.send(
        new ListSchedulesCommand({ GroupName: 'default' }),
      )
      expect(Schedules).toHaveLength(1)
      const { Target } = await cloud.scheduler.send(
        new GetScheduleCommand({ GroupName: 'default', Name: Schedules[0]?.Name }),
      )
      const lost = { DatabaseName: `sluice_${committed.namespace}`, Name: committed.name }
      await cloud.glue.send(new DeleteTableCommand(lost))
      expect(await isShown(committed)).toBe(false)
      // In an hour the scheduler makes this very call.
      const call = { FunctionName: Target?.Arn, Payload: Buffer.from(Target?.Input ?? '') }
      expect((await cloud.lambda.send(new InvokeCommand(call))).FunctionError).toBeUndefined()
      for (const table of await catalog.list()) expect(await isShown(table)).toBe(true)
    })

    it('starts what a schedule of its group says', { timeout: 120_000 }, async () => {
      const runId = await until(scheduledRun, 100_000)
      await writeSmallProject(orders, `s3://${landing}/orders`, { scheduled: false })
      expect(await sluice('deploy', '--project', orders)).toMatchObject({
        code: 0,
        out: expect.stringMatching(/version 2, 1 dataflow changed[\s\S]*changed {2}customers[\s\S]*removed /),
      })
      const GroupName = deployment.stack.ScheduleGroup
      expect((await cloud.scheduler.send(new ListSchedulesCommand({ GroupName }))).Schedules).toEqual([])
      const result = await deployment.result(runId)
      expect(result).toMatchObject({ project: 'orders', status: 'succeeded', total: 1 })
      expect(result.dataflows).toMatchObject([{ dataflow: 'customers', rows: { accepted: 1 } }])
      expect(await readRows((await readTables(deployment.ports))['sales.customers'] as LakeTable)).toEqual([
        { id: 7, name: 'Ada' },
      ])
    })

    it('is gone after cdk destroy, with its buckets and tables', { timeout: 120_000 }, async () => {
      await cloud.cdk('destroy', stackName, '--force', ...contextOf(settings))
      await expect(findStack(stackName, cloud.cloudFormation)).rejects.toMatchObject({
        code: 'STACK_NOT_FOUND',
      })
      const { Buckets = [] } = await cloud.s3.send(new ListBucketsCommand({}))
      expect(Buckets.map(({ Name }) => Name).filter((name) => !name?.startsWith('cdk-'))).toEqual([landing])
      expect((await cloud.dynamodb.send(new ListTablesCommand({}))).TableNames).toEqual([])
    })
  })

  const functionOf = async (handler: string): Promise<string> => {
    for await (const { Functions = [] } of paginateListFunctions({ client: cloud.lambda }, {})) {
      const found = Functions.find(({ Description }) => Description === `Sluice: ${handler}`)
      if (found?.FunctionName !== undefined) return found.FunctionName
    }
    throw new Error(`there is no function for ${handler}`)
  }
  const flowOf = async (runId: string, dataflow: string) =>
    await readFlow(deployment.ports, runId, dataflow).catch(() => undefined)
  /** Without the one that a schedule writes every minute. */
  const tablesAtRest = async () => {
    const { 'sales.customers': _everyMinute, ...tables } = await readTables(deployment.ports)
    return tables
  }
  const rowsIn = async (table: string) => (await readTables(deployment.ports))[table]?.rows
  const scheduledRun = async (): Promise<string | undefined> => {
    const { executions = [] } = await cloud.sfn.send(
      new ListExecutionsCommand({
        stateMachineArn: deployment.stack.StateMachineArn,
        statusFilter: 'SUCCEEDED',
      }),
    )
    return executions
      .map(({ name }) => name as string)
      .find((name) => !/^(flights|orders|trade|replay)-/.test(name))
  }
}

/** Every command of the CDK makes the app, and so its layer: with these settings from what is installed. */
function contextOf(settings: readonly string[]): string[] {
  return settings.flatMap((setting) => ['-c', `sluice:${setting}`])
}

/** Asks until there is an answer, and returns it. */
async function until<T>(ask: () => Promise<T | undefined>, milliseconds = 60_000): Promise<T> {
  const deadline = Date.now() + milliseconds
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error('it did not come to pass in time')
    await setTimeout(100)
  }
}

function rowsOf(result: ExecutionResult) {
  return Object.fromEntries(result.dataflows.map(({ dataflow, rows }) => [dataflow, rows]))
}

function named(result: ExecutionResult, status: string): string[] {
  return result.dataflows
    .filter((flow) => flow.status === status)
    .map((flow) => flow.dataflow)
    .sort()
}
