import {
  ConflictException,
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  DeleteScheduleCommand,
  GetScheduleCommand,
  ListSchedulesCommand,
  ResourceNotFoundException,
  type SchedulerClient,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler'
import { canonicalJson } from '../core/json.ts'
import type { ScheduleTrigger } from '../core/planning/triggers.ts'
import type { Stack } from './stack.ts'
import { isTriggerName, triggerName, triggerPrefix } from './trigger-names.ts'

type Client = Pick<SchedulerClient, 'send'>

/** The names of the project's schedules in the stack's group. */
export async function listSchedules(stack: Stack, project: string, client: Client): Promise<string[]> {
  const prefix = triggerPrefix('schedule', stack, project)
  const names: string[] = []
  let NextToken: string | undefined
  do {
    const page = await client.send(
      new ListSchedulesCommand({ GroupName: stack.ScheduleGroup, NamePrefix: prefix, NextToken }),
    )
    names.push(...(page.Schedules ?? []).flatMap(({ Name }) => Name ?? []))
    NextToken = page.NextToken
  } while (NextToken !== undefined)
  return names.filter((name) => isTriggerName(name, prefix))
}

/**
 * Makes the schedule be as the manifest says, also where somebody switched it off or changed it by hand. One that is
 * so already is left alone: an update would begin the count of a `rate` anew.
 */
export async function putSchedule(
  stack: Stack,
  project: string,
  trigger: ScheduleTrigger,
  client: Client,
): Promise<'created' | 'updated' | 'unchanged'> {
  const wanted = scheduleOf(stack, project, trigger)
  const { Name, GroupName } = wanted
  const found = await orGone(client.send(new GetScheduleCommand({ Name, GroupName })))
  if (found === undefined) {
    try {
      await client.send(new CreateScheduleCommand(wanted))
      return 'created'
    } catch (error) {
      // Another deployment made it just now; what it is to be is said here as well as there.
      if (!(error instanceof ConflictException)) throw error
    }
  } else {
    const same = Object.entries(wanted).every(
      ([key, value]) => canonicalJson(found[key as keyof typeof found]) === canonicalJson(value),
    )
    if (same) return 'unchanged'
  }
  await client.send(new UpdateScheduleCommand(wanted))
  return 'updated'
}

/** Whether it was there. */
export async function deleteSchedule(stack: Stack, name: string, client: Client): Promise<boolean> {
  const command = new DeleteScheduleCommand({ Name: name, GroupName: stack.ScheduleGroup })
  return (await orGone(client.send(command))) !== undefined
}

function scheduleOf(stack: Stack, project: string, trigger: ScheduleTrigger) {
  const { expression, time_zone, window_minutes, dataflows, input } = trigger
  return {
    Name: triggerName(trigger, stack, project),
    GroupName: stack.ScheduleGroup,
    Description: `Sluice: starts ${dataflows.length} dataflows of ${project}`,
    ScheduleExpression: expression,
    ScheduleExpressionTimezone: time_zone,
    FlexibleTimeWindow:
      window_minutes === null
        ? { Mode: 'OFF' }
        : { Mode: 'FLEXIBLE', MaximumWindowInMinutes: window_minutes },
    State: 'ENABLED',
    ActionAfterCompletion: 'NONE',
    Target: {
      Arn: stack.StateMachineArn,
      RoleArn: stack.ScheduleRoleArn,
      Input: input,
      DeadLetterConfig: { Arn: stack.ScheduleDeadLettersArn },
      // What could not be started within the hour goes to the dead letters, which raise an alarm: a start that
      // comes a day late would meet the next one.
      RetryPolicy: { MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 185 },
    },
  } satisfies CreateScheduleCommandInput
}

async function orGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined
    throw error
  }
}
