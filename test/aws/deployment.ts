import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { CloudFormationClient } from '@aws-sdk/client-cloudformation'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { GlueClient } from '@aws-sdk/client-glue'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { S3Client } from '@aws-sdk/client-s3'
import { SchedulerClient } from '@aws-sdk/client-scheduler'
import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn'
import type { Ports } from '../../core/ports.ts'
import type { ExecutionResult } from '../../core/runs/result.ts'
import { readRun } from '../../core/runs/runs.ts'
import { openDynamoStore } from '../../core/stores/dynamodb-state-store.ts'
import { readJsonRef } from '../../core/stores/object-ref.ts'
import { openS3Store } from '../../core/stores/s3-object-store.ts'
import { findStack, type Stack } from '../../remote/stack.ts'
import { freePort, here } from './local-server.ts'
import { startMiniStack } from './ministack.ts'
import { startStepFunctionsOver } from './step-functions.ts'

const root = resolve(here, '..', '..')
const region = 'us-east-1'
/** The account's root. */
export const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }

export type DeployedPorts = Pick<Ports, 'lake' | 'evidence' | 'state' | 'catalog' | 'clock'>

export interface Cloud {
  /** Of everything but executions. */
  readonly url: string
  readonly s3: S3Client
  readonly dynamodb: DynamoDBClient
  readonly lambda: LambdaClient
  readonly scheduler: SchedulerClient
  readonly glue: GlueClient
  readonly cloudFormation: CloudFormationClient
  /** Reaches the project's own Step Functions. */
  readonly sfn: SFNClient
  /** Runs the CDK's command line on the app of cdk.json; returns what it printed. Throws that where it fails. */
  cdk(...args: readonly string[]): Promise<string>
  /** Runs Sluice's command line as a user of this account types it, in a directory without a project. */
  sluice(...args: readonly string[]): Promise<Said>
  /** The same, as somebody else: with these variables in the environment, or without those that are `undefined`. */
  sluiceAs(env: Readonly<Record<string, string | undefined>>, ...args: readonly string[]): Promise<Said>
  stop(): Promise<void>
}

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** An account of AWS with nothing in it, on loopback ports. */
export async function openCloud(): Promise<Cloud> {
  const port = await freePort()
  const ministack = await startMiniStack({
    // Functions run on `node` from the PATH, whatever their runtime says.
    PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
    // Lambda brings the SDK for handlers that do not bundle it, such as the CDK's own.
    NODE_PATH: join(root, 'node_modules'),
    // The policies of roles and buckets hold.
    AUTH: 'true',
    // Whoever has these is the account's root.
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    STEP_FUNCTIONS_URL: `http://127.0.0.1:${port}`,
  })
  if ('skipped' in ministack) throw new Error(ministack.skipped)
  const { url } = ministack
  const work = await mkdtemp(join(tmpdir(), 'deployed-'))
  const stepFunctions = await startStepFunctionsOver(url, port, credentials)
  const config = { endpoint: url, region, credentials }
  const clients = {
    s3: new S3Client({ ...config, forcePathStyle: true }),
    dynamodb: new DynamoDBClient(config),
    lambda: new LambdaClient(config),
    scheduler: new SchedulerClient(config),
    glue: new GlueClient(config),
    cloudFormation: new CloudFormationClient(config),
    sfn: new SFNClient({ ...config, endpoint: stepFunctions.url }),
  }
  return {
    url,
    ...clients,
    cdk: async (...args) => await cdk(url, work, args),
    sluice: async (...args) => await sluice(url, stepFunctions.url, work, args),
    sluiceAs: async (env, ...args) => await sluice(url, stepFunctions.url, work, args, env),
    stop: async () => {
      await stepFunctions.stop()
      for (const client of Object.values(clients)) client.destroy()
      await ministack.stop()
      await rm(work, { recursive: true, force: true })
    },
  }
}

const run = promisify(execFile)

async function cdk(url: string, work: string, args: readonly string[]): Promise<string> {
  const common = ['--no-notices', '--ci', '--output', join(work, 'cdk.out')]
  const options = {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
    timeout: 300_000,
    env: {
      PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
      // The CLI remembers accounts by access key in the home directory.
      HOME: work,
      AWS_ENDPOINT_URL: url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      NO_COLOR: '1',
    },
  }
  const cli = join(root, 'node_modules', 'aws-cdk', 'bin', 'cdk')
  try {
    const { stdout, stderr } = await run(process.execPath, [cli, ...args, ...common], options)
    return stdout + stderr
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`cdk ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`, { cause: error })
  }
}

async function sluice(
  url: string,
  sfn: string,
  cwd: string,
  args: readonly string[],
  more: Readonly<Record<string, string | undefined>> = {},
): Promise<Said> {
  const env = {
    PATH: process.env.PATH,
    HOME: cwd,
    AWS_ENDPOINT_URL: url,
    AWS_ENDPOINT_URL_SFN: sfn,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...more,
  }
  const main = join(root, 'cli', 'main.ts')
  return await new Promise<Said>((resolve) => {
    execFile(process.execPath, [main, ...args], { cwd, env, timeout: 120_000 }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, out, err })
    })
  })
}

export interface Deployment {
  readonly stack: Stack
  readonly ports: DeployedPorts
  /** Starts a run under this name and waits for its end. */
  run(name: string, input: Readonly<Record<string, unknown>>): Promise<DescribeExecutionOutput>
  /** What seal wrote about a run. */
  result(runId: string): Promise<ExecutionResult>
}

/** A stack that is deployed, as its users see it: by its outputs. */
export async function openDeployment(cloud: Cloud, name: string): Promise<Deployment> {
  const stack = await findStack(name, cloud.cloudFormation)
  const bucket = (bucket: string) => openS3Store({ bucket, prefix: '', client: cloud.s3 })
  const { state, catalog } = openDynamoStore({
    stateTable: stack.StateTable,
    catalogTable: stack.CatalogTable,
    client: cloud.dynamodb,
  })
  const ports: DeployedPorts = {
    lake: bucket(stack.LakeBucket),
    evidence: bucket(stack.EvidenceBucket),
    state,
    catalog,
    clock: () => new Date(),
  }
  return {
    stack,
    ports,
    run: async (name, input) => {
      const start = { stateMachineArn: stack.StateMachineArn, name, input: JSON.stringify(input) }
      const { executionArn } = await cloud.sfn.send(new StartExecutionCommand(start))
      return await untilEnded(cloud, executionArn as string)
    },
    result: async (runId) => {
      const { result } = await readRun(ports, runId)
      if (result === undefined) throw new Error(`run ${runId} has no result`)
      return await readJsonRef(ports.evidence, result)
    },
  }
}

async function untilEnded(cloud: Cloud, executionArn: string): Promise<DescribeExecutionOutput> {
  for (;;) {
    const found = await cloud.sfn.send(new DescribeExecutionCommand({ executionArn }))
    if (found.status !== 'RUNNING') return found
    await setTimeout(100)
  }
}
