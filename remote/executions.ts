import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { ManifestError, RetryableError, TerminalError } from '../core/errors.ts'
import type { Stack } from './stack.ts'

type Client = Pick<SFNClient, 'send'>

export function newExecutionsClient(): SFNClient {
  return new SFNClient({})
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

/** The cause of a handler's error is `{"errorType", "errorMessage", "trace"}`. */
function messageOf(cause: string | undefined): string {
  try {
    const { errorMessage } = JSON.parse(cause ?? '') as { readonly errorMessage?: unknown }
    return typeof errorMessage === 'string' ? errorMessage : (cause ?? 'no cause given')
  } catch {
    return cause ?? 'no cause given'
  }
}
