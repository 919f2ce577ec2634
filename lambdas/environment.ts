import { TerminalError } from '../core/errors.ts'
import type { Ports } from '../core/ports.ts'

/**
 * The ports of a handler that nobody gave any: on AWS they come from the function's environment. The adapters
 * for S3 and DynamoDB are not part of this version, so such a call is refused.
 */
export function portsFromEnvironment(): Ports {
  throw new TerminalError({
    code: 'PORTS_UNAVAILABLE',
    fact: 'this handler was called without ports, and this version has no adapters for S3 and DynamoDB',
    consequence: 'Nothing was read or written',
    next: 'Run the project embedded (sluice run), which passes the ports of its workspace',
  })
}
