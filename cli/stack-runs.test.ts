import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import pc from 'picocolors'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readHead } from '../core/runs/lease.ts'
import { storeRenderedManifest } from '../core/runs/manifest-store.ts'
import { pointProject } from '../core/runs/projects.ts'
import { readFlow, readRun } from '../core/runs/runs.ts'
import { attemptTag } from '../core/runs/uncommitted.ts'
import { admit } from '../lambdas/admit.ts'
import { planRun } from '../lambdas/plan.ts'
import { handler as seal } from '../lambdas/seal.ts'
import { handler as settle } from '../lambdas/settle.ts'
import { type StepFunctionsServer, startStepFunctions } from '../local/step-functions/index.ts'
import { executionState, newExecutionsClient, startOnStack, stopOnStack } from '../remote/executions.ts'
import type { Stack } from '../remote/stack.ts'
import { type Bare, openBare, planned } from '../test/support/bare-ports.ts'
import { loadProject, makeProject } from '../test/support/project.ts'
import { cancelRecorded } from './cancel-now.ts'
import type { Io } from './io.ts'
import { newRunOnStack } from './new-run-stack.ts'
import { resumeOnStack } from './resume-stack.ts'

const StateMachineArn = 'arn:aws:states:eu-west-1:123456789012:stateMachine:Run'
const functionArn = (name: string) => `arn:aws:lambda:eu-west-1:123456789012:function:${name}:1`
const stackOf = (more: Partial<Stack> = {}) =>
  ({
    name: 'Sluice',
    StateMachineArn,
    SettleFunctionArn: functionArn('settle'),
    SealFunctionArn: functionArn('seal'),
    EvidenceBucket: 'e',
    LakeBucket: 'l',
    ChildType: 'STANDARD',
    ...more,
  }) as Stack
/** Waits for a day. */
const definition = JSON.stringify({
  QueryLanguage: 'JSONata',
  StartAt: 'Wait',
  States: { Wait: { Type: 'Wait', Seconds: 86400, End: true } },
})

let server: StepFunctionsServer
let functions: Server
let bare: Bare
let said: string

beforeEach(async () => {
  bare = openBare()
  said = ''
  server = await startStepFunctions({
    findStateMachine: async (arn) =>
      arn === StateMachineArn
        ? {
            definition,
            roleArn: 'arn:aws:iam::123456789012:role/run',
            type: 'STANDARD',
            creationDate: new Date(),
          }
        : undefined,
    tasks: () => undefined,
    objects: {
      getObject: async () => new Uint8Array(),
      putObject: async () => {},
      listObjects: async () => [],
    },
  })
  functions = createServer(invoke).listen(0, '127.0.0.1')
  await once(functions, 'listening')
  vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', `http://127.0.0.1:${(functions.address() as AddressInfo).port}`)
  vi.stubEnv('AWS_ENDPOINT_URL_SFN', server.url)
  vi.stubEnv('AWS_REGION', 'eu-west-1')
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await server.stop()
  functions.closeAllConnections()
  functions.close()
})

/** Lambda's Invoke, over the handlers themselves. */
async function invoke(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const name = decodeURIComponent(request.url ?? '').split(':')[6]
  const event: unknown = JSON.parse(Buffer.concat(await request.toArray()).toString('utf8'))
  const handler = name === 'settle' ? settle : seal
  try {
    response.end(JSON.stringify(await handler(event, { ports: bare.ports })))
  } catch (error) {
    const { name, message } = error as Error
    response.setHeader('X-Amz-Function-Error', 'Unhandled')
    response.end(JSON.stringify({ errorType: name, errorMessage: message }))
  }
}

const plain = pc.createColors(false)
const io = (): Io => ({
  out: (text) => {
    said += text
  },
  err: () => undefined,
  format: 'text',
  colors: { out: plain, err: plain },
  isTerminal: false,
  project: '.',
  home: undefined,
  stack: 'Sluice',
  command: (text) => `sluice ${text}`,
})

/** A run on a stack that is at work on one dataflow. */
async function running(stack = stackOf()) {
  const client = newExecutionsClient()
  await startOnStack(client, stack, 'r1', {})
  const { manifest } = await planned(bare.ports, 'r1')
  await admit({ run_id: 'r1', manifest, dataflow: 'orders', upstream: [] }, bare.ports)
  return { stack, client, ports: bare.ports }
}
const records = (stack: Stack) => ({ ...bare.ports, stack, home: '/nowhere', close: () => undefined })

describe('cancel --now on a stack', () => {
  it('stops the execution, settles, seals and shows the result', async () => {
    const { stack, client } = await running()
    expect(await cancelRecorded(io(), records(stack), 'r1')).toBe(0)
    expect(await executionState(client, stack, 'r1')).toBe('ended')
    expect(said).toMatch(/^Run r1 was cancelled/m)
    expect(said).toMatch(/^orders +failed .*CANCELLED at extract$/m)
    expect(said).toMatch(/^totals +pending .*cancelled$/m)
    expect((await readHead(bare.ports, 'crash', 'orders')).lease).toBeNull()
    expect(await readRun(bare.ports, 'r1')).toMatchObject({ status: 'failed', cancelled: { now: true } })
  })

  it('settles a run whose execution was stopped before, and only shows one that it has ended', async () => {
    const { stack, client } = await running()
    await stopOnStack(client, stack, 'r1', 'in the console')
    await cancelRecorded(io(), records(stack), 'r1')
    const before = await readRun(bare.ports, 'r1')
    expect(before.status).toBe('failed')
    said = ''
    expect(await cancelRecorded(io(), records(stack), 'r1')).toBe(0)
    expect(said).toMatch(/^Run r1 was cancelled/m)
    expect(await readRun(bare.ports, 'r1')).toEqual(before)
  })

  it('says which handler has failed and why, and finishes when it is repeated', async () => {
    const { stack } = await running()
    const broken = vi.spyOn(bare.ports.lake, 'delete').mockRejectedValue(new TypeError('no disk'))
    await bare.ports.lake.put(`bronze/orders/data/${attemptTag('r1', 'orders', 1)}.0-0.parquet`, 'rows')
    await expect(cancelRecorded(io(), records(stack), 'r1')).rejects.toMatchObject({
      code: 'HANDLER_FAILED',
      message: expect.stringContaining('settle:1 failed with TypeError: no disk'),
    })
    expect((await readRun(bare.ports, 'r1')).status).toBe('running')
    broken.mockRestore()
    expect(await cancelRecorded(io(), records(stack), 'r1')).toBe(0)
  })

  it('refuses a run that its leases call alive where Step Functions does not know its execution', async () => {
    const { manifest } = await planned(bare.ports, 'r1')
    await admit({ run_id: 'r1', manifest, dataflow: 'orders', upstream: [] }, bare.ports)
    await leaseUntil(Date.now() + 60_000)
    await expect(cancelRecorded(io(), records(stackOf()), 'r1')).rejects.toMatchObject({ code: 'RUN_ACTIVE' })
    expect(await readRun(bare.ports, 'r1')).not.toHaveProperty('cancelled')
    await leaseUntil(Date.now() - 1)
    expect(await cancelRecorded(io(), records(stackOf()), 'r1')).toBe(0)
  })
})

describe('run --resume on a stack', () => {
  it('is refused while the execution runs, however old its leases are', async () => {
    const open = await running()
    bare.advance(86_400_000)
    await expect(resumeOnStack(io(), open, 'r1')).rejects.toMatchObject({ code: 'RUN_ACTIVE' })
    expect(await readFlow(bare.ports, 'r1', 'orders')).toMatchObject({ status: 'running' })
  })

  it('goes on at once with a run that was stopped in the console, whatever its leases say', async () => {
    const open = await running()
    await leaseUntil(Date.now() + 30 * 60_000)
    await stopOnStack(open.client, open.stack, 'r1', 'in the console')
    const start = await resumeOnStack(io(), open, 'r1')
    expect(start.input).toEqual({ run_id: 'r1', resume: true })
    expect(await readFlow(bare.ports, 'r1', 'orders')).toMatchObject({
      status: 'failed',
      reason: 'interrupted',
    })
    expect((await readHead(bare.ports, 'crash', 'orders')).lease).toBeNull()
    await planRun({ execution_name: start.execution, input: start.input }, bare.ports)
    expect(await readFlow(bare.ports, 'r1', 'orders')).toMatchObject({ status: 'pending', attempt: 1 })
  })

  it.each([
    ['EXPRESS executions', { ChildType: 'EXPRESS' }, true],
    ['does not know execution', {}, false],
  ])('goes by the leases where only they can tell: %s', async (words, more, starts) => {
    const stack = stackOf(more)
    if (starts) await stopOnStack((await running(stack)).client, stack, 'r1', 'in the console')
    else {
      const { manifest } = await planned(bare.ports, 'r1')
      await admit({ run_id: 'r1', manifest, dataflow: 'orders', upstream: [] }, bare.ports)
    }
    const open = { stack, client: newExecutionsClient(), ports: bare.ports }
    await leaseUntil(Date.now() + 60_000)
    await expect(resumeOnStack(io(), open, 'r1')).rejects.toMatchObject({
      code: 'RUN_ACTIVE',
      message: expect.stringContaining(words),
    })
    await leaseUntil(Date.now() - 1)
    expect(await resumeOnStack(io(), open, 'r1')).toMatchObject({ run_id: 'r1' })
  })
})

describe('run --stack', () => {
  const deploy = async (project: string) => {
    const directory = makeProject()
    const manifest = { ...(await loadProject(directory)), project }
    rmSync(directory, { recursive: true })
    await pointProject(bare.ports, project, await storeRenderedManifest(bare.ports.evidence, manifest))
  }
  /** In a directory without a manifest. */
  const start = async (options: { projectName?: string; runId?: string }, given = {}, project = '.') =>
    await newRunOnStack({ ...io(), project }, bare.ports, options, given)

  beforeEach(() => {
    vi.spyOn(process, 'cwd').mockReturnValue(tmpdir())
  })
  afterEach(() => vi.restoreAllMocks())

  it('refuses what the deployed manifest does not have, before anything is started', async () => {
    await deploy('crash')
    await expect(start({}, { dataflows: ['nothing'] })).rejects.toMatchObject({ code: 'SELECTOR_UNKNOWN' })
    await expect(start({}, { max_workers: 0 })).rejects.toMatchObject({ code: 'RUN_OPTIONS_INVALID' })
    expect(await start({ runId: 'r1' }, { dataflows: ['orders'] })).toMatchObject({
      execution: 'r1',
      input: { project: 'crash', dataflows: ['orders'] },
    })
  })

  it('takes the project that is named, and lists them where none or a wrong one is', async () => {
    await expect(start({})).rejects.toMatchObject({ code: 'PROJECT_NOT_DEPLOYED' })
    await deploy('crash')
    await deploy('shop')
    await expect(start({})).rejects.toMatchObject({
      code: 'PROJECT_AMBIGUOUS',
      message: expect.stringMatching(/crash, shop.*--project-name/),
    })
    await expect(start({ projectName: 'shoop' })).rejects.toMatchObject({
      code: 'PROJECT_NOT_DEPLOYED',
      message: expect.stringContaining('crash, shop'),
    })
    expect(await start({ projectName: 'shop' })).toMatchObject({ input: { project: 'shop' } })
    await expect(start({ projectName: 'shop' }, {}, 'examples/shop')).rejects.toMatchObject({ code: 'USAGE' })
  })
})

/** By the clock on the wall, which the command line goes by; the stores’ own clock stands. */
async function leaseUntil(expires_at: number): Promise<void> {
  const head = await readHead(bare.ports, 'crash', 'orders')
  const item = { ...head, lease: { ...head.lease, worker: 'elsewhere/1/x', expires_at } }
  await bare.ports.state.transact([{ kind: 'put', item }])
}
