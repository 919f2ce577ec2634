import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import type { S3Client } from '@aws-sdk/client-s3'
import { SchedulerClient } from '@aws-sdk/client-scheduler'
import { ManifestError } from '../core/errors.ts'
import type { RenderedManifest } from '../core/manifest/types.ts'
import { planTriggers, type Trigger } from '../core/planning/triggers.ts'
import { newS3Client } from '../core/stores/s3-object-store.ts'
import { checkBucketEvents } from './bucket-events.ts'
import { clientConfig } from './client-config.ts'
import { deleteRule, listRules, putRule } from './object-rules.ts'
import { deleteSchedule, listSchedules, putSchedule } from './schedules.ts'
import type { Stack } from './stack.ts'
import { triggerName } from './trigger-names.ts'

/** Of the region and account of the stack. */
export interface TriggerClients {
  readonly scheduler: Pick<SchedulerClient, 'send'>
  readonly events: Pick<EventBridgeClient, 'send'>
  readonly s3: Pick<S3Client, 'send'>
}

/** One schedule or rule, and what became of it. */
export interface TriggerChange {
  readonly change: 'created' | 'updated' | 'removed' | 'unchanged'
  readonly kind: Trigger['kind']
  readonly name: string
  /** Absent for what was removed: the manifest says nothing of it any more. */
  readonly trigger?: Trigger
}

/**
 * Whether the manifest's triggers can be had on this stack; changes nothing. For a deployment to call before it
 * changes anything else. Throws `ManifestError`: what {@link planTriggers} throws, `TRIGGER_CHILDREN_EXPRESS`,
 * `BUCKET_EVENTS_OFF` and `BUCKET_EVENTS_UNKNOWN`.
 */
export async function checkTriggers(
  stack: Stack,
  manifest: RenderedManifest,
  clients: Pick<TriggerClients, 's3'>,
): Promise<readonly Trigger[]> {
  const triggers = planTriggers(manifest)
  const buckets = new Set(triggers.flatMap((each) => (each.kind === 'object_created' ? each.bucket : [])))
  if (buckets.size > 0 && stack.ChildType === 'EXPRESS') throw expressChildren(stack)
  for (const bucket of [...buckets].sort()) await checkBucketEvents(bucket, clients.s3)
  return triggers
}

/**
 * Makes the project's schedules and rules equal to what the manifest says, after {@link checkTriggers} has passed:
 * creates and updates first and removes what is no longer wanted last, so that no dataflow is without its trigger
 * in between; for a moment two triggers may start one, and the second run finds nothing new. Idempotent, also after
 * an interruption at any point. Touches no other project's and no other stack's. In the order in which it was done.
 */
export async function syncTriggers(
  stack: Stack,
  manifest: RenderedManifest,
  clients: TriggerClients,
): Promise<readonly TriggerChange[]> {
  const triggers = await checkTriggers(stack, manifest, clients)
  const { project } = manifest
  const changes: TriggerChange[] = []
  for (const trigger of triggers) {
    const name = triggerName(trigger, stack, project)
    const change = await put(stack, project, trigger, clients)
    changes.push({ change, kind: trigger.kind, name, trigger })
  }
  const wanted = new Set(changes.map(({ kind, name }) => `${kind} ${name}`))
  return [...changes, ...(await remove(stack, project, clients, wanted))]
}

/** Removes every schedule and rule of the project, for one that goes. Also of one that was never deployed: nothing. */
export async function removeTriggers(
  stack: Stack,
  project: string,
  clients: Omit<TriggerClients, 's3'>,
): Promise<readonly TriggerChange[]> {
  return await remove(stack, project, clients, new Set())
}

async function put(stack: Stack, project: string, trigger: Trigger, { scheduler, events }: TriggerClients) {
  return trigger.kind === 'schedule'
    ? await putSchedule(stack, project, trigger, scheduler)
    : await putRule(stack, project, trigger, events)
}

async function remove(
  stack: Stack,
  project: string,
  { scheduler, events }: Omit<TriggerClients, 's3'>,
  wanted: ReadonlySet<string>,
): Promise<TriggerChange[]> {
  const removed: TriggerChange[] = []
  const removeEach = async (
    kind: Trigger['kind'],
    names: readonly string[],
    drop: (name: string) => Promise<boolean>,
  ): Promise<void> => {
    for (const name of [...names].sort()) {
      if (wanted.has(`${kind} ${name}`)) continue
      if (await drop(name)) removed.push({ change: 'removed', kind, name })
    }
  }
  await removeEach('schedule', await listSchedules(stack, project, scheduler), (name) =>
    deleteSchedule(stack, name, scheduler),
  )
  await removeEach('object_created', await listRules(stack, project, events), (name) =>
    deleteRule(name, events),
  )
  return removed
}

/** An EXPRESS execution ends after five minutes, the wait for a lease included. */
function expressChildren({ name }: Stack): ManifestError {
  return new ManifestError({
    code: 'TRIGGER_CHILDREN_EXPRESS',
    fact: `the stack ${name} runs dataflows as EXPRESS executions, which end after five minutes, and a run that an object starts may have to wait longer for the one before it`,
    consequence: 'No trigger was changed',
    next: 'Deploy the stack with childType: STANDARD, or give the dataflows a schedule instead of on: object_created',
  })
}

export function newTriggerClients(): TriggerClients {
  return {
    scheduler: new SchedulerClient(clientConfig),
    events: new EventBridgeClient(clientConfig),
    s3: newS3Client(),
  }
}
