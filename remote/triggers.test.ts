import { describe, expect, it } from 'vitest'
import type { Dataflow, RenderedManifest, Schedule } from '../core/manifest/types.ts'
import { flow, manifestOf } from '../core/planning/test-flows.ts'
import { stack, type TriggerServices, triggerServices } from './trigger-services.suite.ts'
import { checkTriggers, removeTriggers, syncTriggers } from './triggers.ts'

const daily: Schedule = { cron: '0 6 * * ? *', time_zone: 'Europe/Berlin' }
const hourly: Schedule = { rate: '1 hour', time_zone: 'UTC', window_minutes: 5 }

function arriving(name: string, path = `${name}/*.csv`): Dataflow {
  const base = flow(name, { on: 'object_created' })
  return { ...base, source: { ...base.source!, path } }
}

function projectOf(project: string, ...dataflows: readonly Dataflow[]): RenderedManifest {
  const manifest = manifestOf(dataflows)
  const landing = { type: 'files', path: 's3://landing/in' } as const
  return { ...manifest, project, connections: { ...manifest.connections, landing } }
}

function services(): TriggerServices {
  const made = triggerServices()
  made.buckets.set('landing', { EventBridgeConfiguration: {} })
  return made
}

async function sync(to: TriggerServices, manifest: RenderedManifest, at = stack): Promise<string[]> {
  to.changes.length = 0
  const changes = await syncTriggers(at, manifest, to.clients)
  return changes.map(({ change, kind, trigger }) =>
    [change, kind, ...(trigger === undefined ? [] : [trigger.dataflows.join()])].join(' '),
  )
}

/** Everything there is, to compare before and after. */
function snapshot({ schedules, rules }: TriggerServices): unknown {
  return structuredClone({ schedules: new Map([...schedules].sort()), rules: new Map([...rules].sort()) })
}

describe('syncTriggers', () => {
  it('makes a schedule of what starts at the same times', async () => {
    const to = services()
    const manifest = projectOf('shop', flow('b', { schedule: daily }), flow('a', { schedule: daily }))
    expect(await sync(to, manifest)).toEqual(['created schedule a,b'])
    const [[key, made] = []] = to.schedules
    expect(key).toMatch(/^Group\/shop-[0-9a-f]{8}-[0-9a-f]{16}$/)
    expect(made).toMatchObject({
      ScheduleExpression: 'cron(0 6 * * ? *)',
      ScheduleExpressionTimezone: 'Europe/Berlin',
      FlexibleTimeWindow: { Mode: 'OFF' },
      State: 'ENABLED',
      Target: {
        Arn: stack.StateMachineArn,
        RoleArn: stack.ScheduleRoleArn,
        Input: '{"dataflows":["a","b"],"project":"shop"}',
        DeadLetterConfig: { Arn: stack.ScheduleDeadLettersArn },
        RetryPolicy: { MaximumEventAgeInSeconds: 3600 },
      },
    })
    await sync(to, projectOf('shop', flow('a', { schedule: hourly })))
    expect([...to.schedules.values()]).toMatchObject([
      {
        ScheduleExpression: 'rate(1 hour)',
        FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 5 },
      },
    ])
  })

  it('makes a rule of the objects that a source reads', async () => {
    const to = services()
    expect(await sync(to, projectOf('shop', arriving('a')))).toEqual(['created object_created a'])
    const [[name, made] = []] = to.rules
    expect(name).toMatch(/^sluice-shop-[0-9a-f]{8}-[0-9a-f]{16}$/)
    expect(made?.rule.State).toBe('ENABLED')
    expect(JSON.parse(made?.rule.EventPattern as string)).toEqual({
      source: ['aws.s3'],
      'detail-type': ['Object Created'],
      detail: { bucket: { name: ['landing'] }, object: { key: [{ wildcard: 'in/a/*.csv' }] } },
    })
    expect(made?.targets).toMatchObject([
      {
        Arn: stack.StateMachineArn,
        RoleArn: stack.EventRoleArn,
        Input: '{"dataflows":["a"],"project":"shop"}',
        DeadLetterConfig: { Arn: stack.ScheduleDeadLettersArn },
      },
    ])
  })

  it('changes nothing the second time, and only what differs after that', async () => {
    const to = services()
    const flows = [
      flow('a', { schedule: daily }),
      flow('b', { schedule: hourly }),
      arriving('c'),
      arriving('d'),
    ]
    await sync(to, projectOf('shop', ...flows))
    const before = snapshot(to)
    const again = await sync(to, projectOf('shop', ...flows.toReversed()))
    expect(again.map((line) => line.split(' ')[0])).toEqual(Array(4).fill('unchanged'))
    expect(to.changes).toEqual([])
    expect(snapshot(to)).toEqual(before)

    const also = [flow('e', { schedule: daily }), arriving('f', 'c/*.csv')]
    const changed = await sync(to, projectOf('shop', ...flows, ...also))
    expect(changed.filter((line) => !line.startsWith('unchanged')).sort()).toEqual([
      'updated object_created c,f',
      'updated schedule a,e',
    ])
    expect(to.changes.sort()).toEqual(['PutRule', 'PutTargets', 'UpdateSchedule'])
  })

  it('removes what is no longer wanted, after it has made what is', async () => {
    const to = services()
    await sync(
      to,
      projectOf('shop', flow('a', { schedule: daily }), arriving('b'), arriving('c'), arriving('d')),
    )
    const then = projectOf('shop', flow('a', { schedule: hourly }), arriving('b'), flow('c'))
    expect((await sync(to, then)).sort()).toEqual([
      'created schedule a',
      'removed object_created',
      'removed object_created',
      'removed schedule',
      'unchanged object_created b',
    ])
    const firstRemoval = to.changes.findIndex((change) => /^(Delete|Remove)/.test(change))
    expect(to.changes.slice(0, firstRemoval)).toEqual(['CreateSchedule'])
    expect([to.schedules.size, to.rules.size]).toEqual([1, 1])
    expect(await sync(to, projectOf('shop', flow('a')))).toEqual([
      'removed schedule',
      'removed object_created',
    ])
    expect([to.schedules.size, to.rules.size]).toEqual([0, 0])
  })

  it('leaves alone what belongs to other projects, other stacks and other people', async () => {
    const to = services()
    const flows = [flow('a', { schedule: daily }), arriving('b')]
    await sync(to, projectOf('shop', ...flows))
    const [own] = [...to.rules.keys()]
    await sync(to, projectOf('shop-2', ...flows))
    await sync(to, projectOf(`s${'x'.repeat(127)}`, ...flows))
    await sync(to, projectOf('shop', ...flows), { ...stack, name: 'Other', ScheduleGroup: 'OtherGroup' })
    const foreign = { Name: `${own}-mine`, GroupName: 'Group' }
    to.rules.set(foreign.Name, { rule: foreign, targets: [] })
    const [ownSchedule] = [...to.schedules.keys()]
    to.schedules.set(`${ownSchedule}-mine`, {
      ...foreign,
      Name: `${ownSchedule?.slice('Group/'.length)}-mine`,
    })
    expect([to.schedules.size, to.rules.size]).toEqual([5, 5])

    await sync(to, projectOf('shop', flow('a')))
    expect([to.schedules.size, to.rules.size]).toEqual([4, 4])
    expect(to.rules.has(own as string)).toBe(false)
    expect(to.schedules.has(ownSchedule as string)).toBe(false)
  })

  it('puts right what was changed by hand', async () => {
    const to = services()
    const manifest = projectOf('shop', flow('a', { schedule: daily }), arriving('b'))
    await sync(to, manifest)
    const before = snapshot(to)
    for (const [key, schedule] of to.schedules) to.schedules.set(key, { ...schedule, State: 'DISABLED' })
    for (const made of to.rules.values()) {
      made.rule = { ...made.rule, State: 'DISABLED' }
      made.targets.push({ Id: 'somebody', Arn: 'arn:aws:sns:eu-west-1:123456789012:elsewhere' })
    }
    expect((await sync(to, manifest)).sort()).toEqual(['updated object_created b', 'updated schedule a'])
    expect(snapshot(to)).toEqual(before)
  })

  it('comes to the same end after an interruption at any change', async () => {
    const before = projectOf('shop', flow('a', { schedule: daily }), arriving('b'), arriving('c'))
    const then = projectOf(
      'shop',
      flow('a', { schedule: hourly }),
      flow('z', { schedule: daily }),
      arriving('b'),
      arriving('d'),
    )
    const straight = services()
    await sync(straight, before)
    await sync(straight, then)
    const { length } = straight.changes
    expect(length).toBeGreaterThan(5)
    for (let at = 0; at < length; at++) {
      const to = services()
      await sync(to, before)
      let left = at
      to.before = (command) => {
        if (/^(Create|Update|Delete|Put|Remove)/.test(command) && left-- === 0) throw new Error('interrupted')
      }
      await expect(sync(to, then)).rejects.toThrow('interrupted')
      await sync(to, then)
      expect(snapshot(to)).toEqual(snapshot(straight))
    }
  })

  it('agrees with a deployment that makes the same schedule at the same time, and with one that removes it', async () => {
    const to = services()
    const manifest = projectOf('shop', flow('a', { schedule: daily }))
    const other = services()
    await sync(other, manifest)
    to.before = (command) => {
      if (command !== 'CreateScheduleCommand') return
      for (const [key, schedule] of other.schedules) to.schedules.set(key, { ...schedule, State: 'DISABLED' })
    }
    expect(await sync(to, manifest)).toEqual(['updated schedule a'])
    expect(snapshot(to)).toEqual(snapshot(other))
    to.before = (command) => {
      if (command === 'DeleteScheduleCommand') to.schedules.clear()
    }
    expect(await sync(to, projectOf('shop', flow('a')))).toEqual([])
  })

  it('fails where EventBridge answers that it did nothing', async () => {
    const to = services()
    const { events } = to.clients
    const send = async (command: { readonly input: unknown }) =>
      command.constructor.name === 'PutTargetsCommand'
        ? { FailedEntryCount: 1, FailedEntries: [{ ErrorCode: 'ConcurrentModificationException' }] }
        : await events.send(command as never)
    const failing = { ...to.clients, events: { send: send as never } }
    await expect(syncTriggers(stack, projectOf('shop', arriving('a')), failing)).rejects.toMatchObject({
      code: 'TRIGGER_TARGET_FAILED',
      message: expect.stringContaining('ConcurrentModificationException'),
    })
    expect(await sync(to, projectOf('shop', arriving('a')))).toEqual(['updated object_created a'])
  })
})

describe('removeTriggers', () => {
  it('takes everything of one project away, and needs nothing of what it was', async () => {
    const to = services()
    const flows = [
      flow('a', { schedule: daily }),
      flow('b', { schedule: hourly }),
      arriving('c'),
      arriving('d'),
    ]
    await sync(to, projectOf('shop', ...flows))
    await sync(to, projectOf('other', ...flows))
    to.buckets.clear()
    const removed = await removeTriggers(stack, 'shop', to.clients)
    expect(removed.map(({ change, kind }) => `${change} ${kind}`)).toEqual([
      'removed schedule',
      'removed schedule',
      'removed object_created',
      'removed object_created',
    ])
    expect([...to.schedules.keys(), ...to.rules.keys()].filter((name) => name.includes('shop'))).toEqual([])
    expect([to.schedules.size, to.rules.size]).toEqual([2, 2])
    expect(await removeTriggers(stack, 'shop', to.clients)).toEqual([])
  })
})

describe('checkTriggers', () => {
  const manifest = projectOf('shop', flow('a', { schedule: daily }), arriving('b'))

  it('refuses a bucket that sends no events, with a command that keeps its other notifications', async () => {
    const to = services()
    const QueueConfigurations = [{ QueueArn: "arn:aws:sqs:::it's", Events: ['s3:ObjectCreated:*'] }]
    to.buckets.set('landing', { QueueConfigurations })
    const error = await sync(to, manifest).catch((e: Error) => e as Error & { code: string })
    expect(error).toMatchObject({ code: 'BUCKET_EVENTS_OFF' })
    const { message } = error as Error
    const command =
      /aws s3api put-bucket-notification-configuration --bucket landing --notification-configuration '(.*)'/
    const whole = command.exec(message)?.[1]?.replaceAll("'\\''", "'")
    expect(JSON.parse(whole as string)).toEqual({ QueueConfigurations, EventBridgeConfiguration: {} })
    expect([to.changes, to.schedules.size, to.rules.size]).toEqual([[], 0, 0])
  })

  it.each([
    ['AccessDenied', /s3:GetBucketNotification/],
    ['NoSuchBucket', /Correct the path/],
    ['PermanentRedirect', /another region/],
  ])('refuses a bucket that answers %s', async (name, words) => {
    const to = services()
    to.buckets.set('landing', name)
    await expect(checkTriggers(stack, manifest, to.clients)).rejects.toMatchObject({
      code: 'BUCKET_EVENTS_UNKNOWN',
      message: expect.stringMatching(words),
    })
  })

  it('lets other failures of S3 be what they are', async () => {
    const to = services()
    to.buckets.set('landing', 'SlowDown')
    await expect(checkTriggers(stack, manifest, to.clients)).rejects.toMatchObject({ name: 'SlowDown' })
  })

  it('refuses arrivals on a stack whose executions cannot wait, and takes schedules there', async () => {
    const to = services()
    const express = { ...stack, ChildType: 'EXPRESS' }
    await expect(checkTriggers(express, manifest, to.clients)).rejects.toMatchObject({
      code: 'TRIGGER_CHILDREN_EXPRESS',
    })
    const scheduled = projectOf('shop', flow('a', { schedule: daily }))
    expect(await checkTriggers(express, scheduled, to.clients)).toHaveLength(1)
  })
})
