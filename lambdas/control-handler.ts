import middy from '@middy/core'
import { meteredPorts } from '../core/cost/meter.ts'
import { RetryableError, TerminalError } from '../core/errors.ts'
import type { Ports } from '../core/ports.ts'

/** The part of Lambda's context that handlers use. The embedded engine passes its own ports and signal in it. */
export interface HandlerContext {
  readonly awsRequestId?: string
  readonly ports?: Ports
  readonly signal?: AbortSignal
  getRemainingTimeInMillis?(): number
}

export type Handler = (event: unknown, context: HandlerContext) => Promise<unknown>

/** Bytes of JSON. Near 256 KiB Step Functions aborts an execution past any Catch; this fails long before. */
const resultLimit = 16 * 1024

/**
 * Milliseconds kept back before the function's own timeout, so that a failure can still be recorded.
 * middy's default is 5 ms, which no write to a store survives.
 */
const timeoutReserve = 5_000

/**
 * The only place that knows middy. `open` makes the ports where the context brings none. It owns the only `onError`, which rethrows: in middy an `onError` that
 * returns or sets a response turns a refused dataflow into a success, so no other one is let in.
 */
export function controlHandler<E, P = Ports>(
  name: string,
  work: (event: E, ports: P, signal: AbortSignal) => Promise<unknown>,
  open: () => Promise<unknown> = environmentPorts,
): Handler {
  const base = async (event: unknown, context: HandlerContext, { signal }: { signal: AbortSignal }) => {
    const opened = context.ports ?? (await open())
    const ports = open === environmentPorts ? meteredPorts(name, opened as Ports) : opened
    return await work(event as E, ports as P, signalOf(signal, context))
  }
  const handler = middy(base as never, {
    timeoutEarlyInMillis: timeoutReserve,
    timeoutEarlyResponse: () => {
      throw new RetryableError({
        code: 'HANDLER_TIMEOUT',
        fact: `${name} was still at work ${timeoutReserve / 1000} s before its function's timeout`,
        consequence: 'It was stopped; nothing of it is visible',
        next: 'Give the function more time or memory, or split the source into smaller files',
      })
    },
  })
  handler.after((request) => {
    const size = Buffer.byteLength(JSON.stringify(request.response ?? null))
    if (size > resultLimit) throw resultTooLarge(name, size)
  })
  handler.onError((request) => {
    throw request.error
  })
  return handler as unknown as Handler
}

/** middy's own signal fires before the function's timeout, so where there is none it never does. */
function signalOf(early: AbortSignal, { signal, getRemainingTimeInMillis }: HandlerContext): AbortSignal {
  if (signal === undefined) return early
  return getRemainingTimeInMillis === undefined ? signal : AbortSignal.any([early, signal])
}

/** Loaded when it is needed: an embedded run has no use for the AWS SDK. */
async function environmentPorts(): Promise<Ports> {
  const { portsFromEnvironment } = await import('./environment.ts')
  return portsFromEnvironment()
}

function resultTooLarge(name: string, size: number): TerminalError {
  return new TerminalError({
    code: 'RESULT_TOO_LARGE',
    fact: `${name} returned ${size} bytes; the state of an execution carries references only, at most ${resultLimit} bytes`,
    consequence: 'The result was refused before it could abort the execution',
    next: 'This is a defect of the handler: report it with the run id',
  })
}
