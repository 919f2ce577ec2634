import { EventBridgeClient, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge'
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { CreateScheduleGroupCommand, GetScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler'
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  ListExecutionsCommand,
  SFNClient,
} from '@aws-sdk/client-sfn'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import type { Dataflow, RenderedManifest } from '../../core/manifest/types.ts'
import { flow, manifestOf } from '../../core/planning/test-flows.ts'
import { checkRunId } from '../../core/runs/runs.ts'
import type { Stack } from '../../remote/stack.ts'
import { checkTriggers, removeTriggers, syncTriggers, type TriggerClients } from '../../remote/triggers.ts'
import { localS3 } from './clients.ts'

const server = inject('ministack')

describe.skipIf('skipped' in server)('triggers in MiniStack', () => {
  const endpoint = 'url' in server ? server.url : ''
  const local = {
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    endpoint,
  }
  const s3 = localS3(endpoint)
  const scheduler = new SchedulerClient(local)
  const events = new EventBridgeClient(local)
  const sfn = new SFNClient(local)
  const clients: TriggerClients = { s3, scheduler, events }
  const bucket = `triggers-${process.pid}`
  let stack: Stack

  const daily: Partial<Dataflow> = { schedule: { cron: '0 6 ? * MON-FRI *', time_zone: 'Europe/Berlin' } }
  const arriving = (name: string): Dataflow => {
    const base = flow(name, { on: 'object_created' })
    return { ...base, source: { ...base.source!, path: `${name}/**/*.csv` } }
  }
  const project = (name: string, ...dataflows: readonly Dataflow[]): RenderedManifest => {
    const manifest = manifestOf(dataflows)
    const landing = { type: 'files', path: `s3://${bucket}/in` } as const
    return { ...manifest, project: name, connections: { ...manifest.connections, landing } }
  }
  const sync = async (manifest: RenderedManifest) =>
    (await syncTriggers(stack, manifest, clients)).map(({ change, kind }) => `${change} ${kind}`)

  beforeAll(async () => {
    const roleArn = 'arn:aws:iam::000000000000:role/any'
    const definition = JSON.stringify({ StartAt: 'Done', States: { Done: { Type: 'Succeed' } } })
    const machine = await sfn.send(
      new CreateStateMachineCommand({ name: `run-${process.pid}`, roleArn, definition }),
    )
    await s3.send(new CreateBucketCommand({ Bucket: bucket }))
    await scheduler.send(new CreateScheduleGroupCommand({ Name: `group-${process.pid}` }))
    stack = {
      name: `stack-${process.pid}`,
      StateMachineArn: machine.stateMachineArn!,
      LakeBucket: 'lake',
      EvidenceBucket: 'evidence',
      StateTable: 'state',
      CatalogTable: 'catalog',
      SettleFunctionArn: '',
      SealFunctionArn: '',
      ScheduleGroup: `group-${process.pid}`,
      ScheduleRoleArn: roleArn,
      ScheduleDeadLettersArn: 'arn:aws:sqs:us-east-1:000000000000:dead',
      EventRoleArn: roleArn,
      ChildType: 'STANDARD',
      Environment: 'development',
      Sources: '[]',
    }
  })

  it('are refused until the bucket sends its events', async () => {
    await expect(checkTriggers(stack, project('shop', arriving('a')), clients)).rejects.toMatchObject({
      code: 'BUCKET_EVENTS_OFF',
    })
    const NotificationConfiguration = { EventBridgeConfiguration: {} }
    await s3.send(
      new PutBucketNotificationConfigurationCommand({ Bucket: bucket, NotificationConfiguration }),
    )
    expect(await checkTriggers(stack, project('shop', arriving('a')), clients)).toHaveLength(1)
  })

  it('are made, left alone, changed and removed', async () => {
    const first = project('shop', flow('a', daily), arriving('b'))
    expect((await sync(first)).sort()).toEqual(['created object_created', 'created schedule'])
    expect((await sync(first)).sort()).toEqual(['unchanged object_created', 'unchanged schedule'])
    expect((await sync(project('other', flow('a', daily), arriving('b')))).length).toBe(2)
    const second = project('shop', flow('a', daily), flow('c', daily))
    expect(await sync(second)).toEqual(['updated schedule', 'removed object_created'])
    const [kept] = await syncTriggers(stack, second, clients)
    const name = kept!.name
    const made = await scheduler.send(new GetScheduleCommand({ Name: name, GroupName: stack.ScheduleGroup }))
    expect(made).toMatchObject({
      ScheduleExpression: 'cron(0 6 ? * MON-FRI *)',
      ScheduleExpressionTimezone: 'Europe/Berlin',
      State: 'ENABLED',
      Target: { Arn: stack.StateMachineArn, Input: '{"dataflows":["a","c"],"project":"shop"}' },
    })
    expect(await removeTriggers(stack, 'shop', clients)).toHaveLength(1)
    const others = await syncTriggers(stack, project('other', flow('a', daily), arriving('b')), clients)
    expect(others.map(({ change }) => change)).toEqual(['unchanged', 'unchanged'])
    const rule = others.find(({ kind }) => kind === 'object_created')!.name
    const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule: rule }))
    expect(Targets).toMatchObject([{ Arn: stack.StateMachineArn, RoleArn: stack.EventRoleArn }])
    expect(await removeTriggers(stack, 'other', clients)).toHaveLength(2)
  })

  it('start a run of exactly their dataflows when an object arrives, under a name that a run can have', async () => {
    await sync(project('shop', arriving('b'), arriving('c')))
    const put = async (key: string) =>
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: 'x' }))
    await put('elsewhere/b/1.csv')
    await put('in/b/1.txt')
    await put('in/b/1.csv')
    await put('in/b/2026/11/1.csv')
    await put('in/c/1.csv')
    const executions = async () => {
      const { executions: all = [] } = await sfn.send(
        new ListExecutionsCommand({ stateMachineArn: stack.StateMachineArn }),
      )
      return all
    }
    await expect.poll(async () => (await executions()).length, { timeout: 20_000 }).toBe(3)
    const inputs: string[] = []
    for (const { executionArn, name } of await executions()) {
      expect(checkRunId(name)).toBe(name)
      inputs.push((await sfn.send(new DescribeExecutionCommand({ executionArn }))).input!)
    }
    const of = (dataflow: string) => `{"dataflows":["${dataflow}"],"project":"shop"}`
    expect(inputs.sort()).toEqual([of('b'), of('b'), of('c')])
    expect(await removeTriggers(stack, 'shop', clients)).toHaveLength(2)
  })
})
