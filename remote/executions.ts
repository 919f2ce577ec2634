import { setTimeout as sleep } from 'node:timers/promises'
import {
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn'
import { ManifestError, RetryableError, TerminalError } from '../core/errors.ts'
import { clientConfig } from './client-config.ts'
import type { Stack } from './stack.ts'

type Client = Pick<SFNClient, 'send'>

export function newExecutionsClient(): SFNClient {
  return new SFNClient(clientConfig)
}

/**
 * Starts an execution of the stack's workflow. Throws `ManifestError` `RUN_EXISTS` where the name was used in the
 * last 90 days.
 */
export async function startOnStack(
  client: Client,
  stack: Stack,
  name: string,
  input: Readonly<Record<string, unknown>>,
): Promise<void> {
  try {
    const request = { stateMachineArn: stack.StateMachineArn, name, input: JSON.stringify(input) }
    await client.send(new StartExecutionCommand(request))
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ExecutionAlreadyExists') throw error
    throw new ManifestError({
      code: 'RUN_EXISTS',
      fact: `there is an execution ${name} already`,
      consequence: 'Nothing was started',
      next: 'Choose another run id, or leave it out',
      cause: error,
    })
  }
}

/** `…:stateMachine:Name` and an execution's name → `…:execution:Name:name`. */
export function executionArn(stack: Pick<Stack, 'StateMachineArn'>, name: string): string {
  return `${stack.StateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`
}

/**
 * Throws why an execution ended without a result in the run's records; returns where it is still at work. Asked
 * seldom: DescribeExecution is throttled at 15 a second for the whole account.
 *
 * `ManifestError` `RUN_REFUSED` is what Plan said against the input, `RetryableError` `RUN_NOT_SEALED` an end by
 * other means: stopped in the console, timed out.
 */
export async function throwIfEnded(client: Client, stack: Stack, name: string): Promise<void> {
  const request = { executionArn: executionArn(stack, name) }
  const { status, error, cause } = await client.send(new DescribeExecutionCommand(request))
  if (status === 'RUNNING' || status === 'PENDING_REDRIVE' || status === undefined) return
  const said = messageOf(cause)
  if (error === 'ManifestError') {
    throw new ManifestError({ code: 'RUN_REFUSED', fact: said, details: { execution: name } })
  }
  if (status === 'FAILED' && error !== undefined) {
    throw new TerminalError({
      code: 'RUN_NOT_STARTED',
      fact: `execution ${name} failed with ${error}: ${said}`,
      consequence: 'The run has no result',
      next: 'Look at the execution in the console; start or resume the run when the cause is mended',
    })
  }
  throw new RetryableError({
    code: 'RUN_NOT_SEALED',
    fact: `execution ${name} ended as ${status} before the run was sealed`,
    consequence: 'Dataflows that were at work have no verdict yet; what has committed stays',
    next: 'Go on with it: sluice run --resume <run_id> --stack <name>',
  })
}

/** `unknown`: Step Functions forgets executions 90 days after their end. */
export type ExecutionState = 'running' | 'ended' | 'unknown'

export async function executionState(client: Client, stack: Stack, name: string): Promise<ExecutionState> {
  try {
    const request = { executionArn: executionArn(stack, name) }
    const { status } = await client.send(new DescribeExecutionCommand(request))
    return status === 'RUNNING' || status === 'PENDING_REDRIVE' || status === undefined ? 'running' : 'ended'
  } catch (error) {
    if (isUnknown(error)) return 'unknown'
    throw error
  }
}

/** Milliseconds between two questions whether an execution has stopped, and how often it is asked. */
const stopping = { interval: 1000, questions: 60 }

/**
 * Stops an execution, where it is running, and waits until Step Functions says that it is: from then on no further
 * function is called. Functions at work go on to their end. `why` shows in the console. Throws `RetryableError`
 * `EXECUTION_NOT_STOPPED`.
 */
export async function stopOnStack(
  client: Client,
  stack: Stack,
  name: string,
  why: string,
  { interval, questions } = stopping,
): Promise<void> {
  if ((await executionState(client, stack, name)) !== 'running') return
  try {
    const request = { executionArn: executionArn(stack, name), error: 'Cancelled', cause: why }
    await client.send(new StopExecutionCommand(request))
  } catch (error) {
    if (!isUnknown(error)) throw error
  }
  for (let question = 1; question <= questions; question++) {
    if ((await executionState(client, stack, name)) !== 'running') return
    await sleep(interval)
  }
  throw new RetryableError({
    code: 'EXECUTION_NOT_STOPPED',
    fact: `execution ${name} was asked to stop, and is running still`,
    consequence: 'The run is marked as cancelled, and no further dataflow begins; none was settled',
    next: 'Repeat the command: sluice cancel <run_id> --now --stack <name>',
  })
}

function isUnknown(error: unknown): boolean {
  return error instanceof Error && error.name === 'ExecutionDoesNotExist'
}

/** The cause of a handler's error is `{"errorType", "errorMessage", "trace"}`. */
function messageOf(cause: string | undefined): string {
  try {
    const { errorMessage } = JSON.parse(cause ?? '') as { readonly errorMessage?: unknown }
    return typeof errorMessage === 'string' ? errorMessage : (cause ?? 'no cause given')
  } catch {
    return cause ?? 'no cause given'
  }
}
