import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import {
  ConditionFailedError,
  LeaseLostError,
  RetryableError,
  TerminalError,
  UnknownOutcomeError,
} from '../core/errors.ts'
import { clientConfig } from './client-config.ts'

/** Waits as long as a function without a gate may take (300 s), and a little longer. */
export function newFunctionsClient(): LambdaClient {
  return new LambdaClient({
    ...clientConfig,
    requestHandler: { ...clientConfig.requestHandler, requestTimeout: 310_000 },
  })
}

/**
 * Calls a handler of the stack, which does its work under its own role, and returns its answer. Throws the handler's
 * error, as far as a caller tells errors apart, else `TerminalError` `HANDLER_FAILED`.
 */
export async function callHandler(
  client: Pick<LambdaClient, 'send'>,
  functionArn: string,
  event: object,
): Promise<unknown> {
  const answer = await client.send(
    new InvokeCommand({ FunctionName: functionArn, Payload: Buffer.from(JSON.stringify(event)) }),
  )
  const payload: unknown = JSON.parse(Buffer.from(answer.Payload ?? []).toString('utf8') || 'null')
  if (answer.FunctionError === undefined) return payload
  throw handlerError(functionArn, payload as HandlerFailure | null)
}

/** As Lambda's runtime for Node reports an error. */
interface HandlerFailure {
  readonly errorType?: string
  readonly errorMessage?: string
}

function handlerError(functionArn: string, failure: HandlerFailure | null): Error {
  const { errorType = 'Error', errorMessage = 'no reason given' } = failure ?? {}
  const parts = {
    code: 'HANDLER_FAILED',
    fact: `${functionArn.split(':').slice(6).join(':')} failed with ${errorType}: ${errorMessage}`,
    consequence: 'What it had done before stays; the run is not sealed',
    next: 'Repeat the command when the cause is mended; the log of the function says more',
  }
  if (errorType === 'ConditionFailedError') return new ConditionFailedError(parts)
  if (errorType === 'LeaseLostError') return new LeaseLostError(parts)
  if (errorType === 'UnknownOutcomeError') return new UnknownOutcomeError(parts)
  return errorType === 'RetryableError' ? new RetryableError(parts) : new TerminalError(parts)
}
