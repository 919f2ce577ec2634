import {
  DeleteRuleCommand,
  DescribeRuleCommand,
  type EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  ResourceNotFoundException,
  type Target,
} from '@aws-sdk/client-eventbridge'
import { RetryableError } from '../core/errors.ts'
import { canonicalJson } from '../core/json.ts'
import type { ObjectTrigger } from '../core/planning/triggers.ts'
import type { Stack } from './stack.ts'
import { isTriggerName, triggerName, triggerPrefix } from './trigger-names.ts'

type Client = Pick<EventBridgeClient, 'send'>

/** The names of the project's rules on the default bus, where S3 sends its events. */
export async function listRules(stack: Stack, project: string, client: Client): Promise<string[]> {
  const prefix = triggerPrefix('object_created', stack, project)
  const names: string[] = []
  let NextToken: string | undefined
  do {
    const page = await client.send(new ListRulesCommand({ NamePrefix: prefix, NextToken }))
    names.push(...(page.Rules ?? []).flatMap(({ Name }) => Name ?? []))
    NextToken = page.NextToken
  } while (NextToken !== undefined)
  return names.filter((name) => isTriggerName(name, prefix))
}

/**
 * Makes the rule and its one target be as the manifest says. A rule whose target is missing, as an interrupted
 * deployment leaves it, is completed; targets that somebody added are removed.
 */
export async function putRule(
  stack: Stack,
  project: string,
  trigger: ObjectTrigger,
  client: Client,
): Promise<'created' | 'updated' | 'unchanged'> {
  const Name = triggerName(trigger, stack, project)
  const wanted = { State: 'ENABLED', Description: descriptionOf(project, trigger) } as const
  const pattern = canonicalJson(eventPattern(trigger))
  const found = await describe(Name, client)
  const sameRule =
    found !== undefined &&
    found.State === wanted.State &&
    found.Description === wanted.Description &&
    found.EventPattern !== undefined &&
    canonicalJson(JSON.parse(found.EventPattern)) === pattern
  if (!sameRule) await client.send(new PutRuleCommand({ Name, ...wanted, EventPattern: pattern }))
  const sameTargets = await putTarget(Name, targetOf(stack, trigger), client)
  if (found === undefined) return 'created'
  return sameRule && sameTargets ? 'unchanged' : 'updated'
}

/** A rule can only go after its targets. */
export async function deleteRule(name: string, client: Client): Promise<boolean> {
  if ((await describe(name, client)) === undefined) return false
  const targets = await listTargets(name, client)
  await removeTargets(
    name,
    targets.map(({ Id }) => Id!),
    client,
  )
  await client.send(new DeleteRuleCommand({ Name: name }))
  return true
}

/** EventBridge User Guide, "Amazon S3 events": keys in them are not URL-encoded. */
export function eventPattern({ bucket, key }: ObjectTrigger) {
  return {
    source: ['aws.s3'],
    'detail-type': ['Object Created'],
    detail: { bucket: { name: [bucket] }, ...(key === undefined ? {} : { object: { key: [key] } }) },
  }
}

function descriptionOf(project: string, { bucket, dataflows }: ObjectTrigger): string {
  return `Sluice: new objects in ${bucket} start ${dataflows.length} dataflows of ${project}`
}

function targetOf(stack: Stack, { input }: ObjectTrigger): Target {
  return {
    Id: 'run',
    Arn: stack.StateMachineArn,
    RoleArn: stack.EventRoleArn,
    Input: input,
    DeadLetterConfig: { Arn: stack.ScheduleDeadLettersArn },
    // As long as EventBridge tries: there may be no further event that would start what this one did not.
    RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
  }
}

/** Whether the rule had this target and no other already. */
async function putTarget(rule: string, wanted: Target, client: Client): Promise<boolean> {
  const targets = await listTargets(rule, client)
  const same = targets.some((target) => canonicalJson(target) === canonicalJson(wanted))
  if (!same) {
    const answer = await client.send(new PutTargetsCommand({ Rule: rule, Targets: [wanted] }))
    refuseFailed(rule, answer)
  }
  const others = targets.flatMap(({ Id }) => (Id === wanted.Id ? [] : Id!))
  await removeTargets(rule, others, client)
  return same && others.length === 0
}

async function removeTargets(rule: string, Ids: readonly string[], client: Client): Promise<void> {
  if (Ids.length === 0) return
  refuseFailed(rule, await client.send(new RemoveTargetsCommand({ Rule: rule, Ids: [...Ids] })))
}

/** A rule has at most five targets, so that they come in one page. */
async function listTargets(rule: string, client: Client): Promise<Target[]> {
  return (await client.send(new ListTargetsByRuleCommand({ Rule: rule }))).Targets ?? []
}

async function describe(Name: string, client: Client) {
  try {
    return await client.send(new DescribeRuleCommand({ Name }))
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined
    throw error
  }
}

interface FailedEntries {
  readonly FailedEntryCount?: number | undefined
  readonly FailedEntries?:
    | readonly { readonly ErrorCode?: string | undefined; readonly ErrorMessage?: string | undefined }[]
    | undefined
}

/** The calls about targets succeed as calls also where they did nothing. */
function refuseFailed(rule: string, { FailedEntryCount = 0, FailedEntries = [] }: FailedEntries): void {
  if (FailedEntryCount === 0) return
  const { ErrorCode, ErrorMessage } = FailedEntries[0] ?? {}
  throw new RetryableError({
    code: 'TRIGGER_TARGET_FAILED',
    fact: `EventBridge could not change the target of rule ${rule}: ${ErrorCode} ${ErrorMessage ?? ''}`.trimEnd(),
    consequence: 'The triggers before it are as the manifest says, those after it as they were',
    next: 'Deploy again: what is done already stays',
  })
}
