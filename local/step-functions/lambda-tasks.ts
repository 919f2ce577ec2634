import type { TaskHandler, TaskResolver } from '../asl/index.ts'

/** What Lambda's Invoke answers. */
export interface InvokeAnswer {
  /** Present where the function threw, ran out of time or died. */
  readonly functionError?: string
  /** JSON. */
  readonly payload: string
}

/**
 * Calls a function and waits for its answer. Throws the SDK's errors: with a status where the service has answered,
 * without one where it was not reached.
 */
export type InvokeFunction = (arn: string, payload: string, signal: AbortSignal) => Promise<InvokeAnswer>

const functionArn = /^arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:/

/** Tasks whose Resource is the ARN of a Lambda function; there is no other kind here. */
export function lambdaTasks(invoke: InvokeFunction): TaskResolver {
  return (resource) => (functionArn.test(resource) ? task(invoke, resource) : undefined)
}

function task(invoke: InvokeFunction, arn: string): TaskHandler {
  return async (input, { signal }) => {
    const { functionError, payload } = await invoke(arn, JSON.stringify(input), signal).catch(serviceFailed)
    const answer: unknown = payload === '' ? null : JSON.parse(payload)
    if (functionError === undefined) return answer
    throw functionFailed(answer)
  }
}

/** The error's name is the function's `errorType`, the cause its payload: `{errorType, errorMessage, trace}`. */
function functionFailed(payload: unknown): Error {
  const { errorType, errorMessage, trace } = (payload ?? {}) as Record<string, unknown>
  // A function that died has no error of its own to name.
  const name = typeof errorType === 'string' && errorType !== '' ? errorType : 'Lambda.Unknown'
  const stack = Array.isArray(trace) ? trace.join('\n') : ''
  return Object.assign(new Error(String(errorMessage ?? '')), { name, stack })
}

/** What of the service itself failed, under the names that Step Functions gives it. */
function serviceFailed(error: unknown): never {
  const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } }
  const status = $metadata?.httpStatusCode
  if (status === undefined) throw named('Lambda.SdkClientException', message)
  if (status === 429) throw named('Lambda.TooManyRequestsException', message)
  throw named(status >= 500 ? 'Lambda.ServiceException' : `Lambda.${name}`, message)
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name })
}
