import { ManifestError } from '../core/errors.ts'
import type { Io } from './io.ts'

/** The name of the stack. Throws `ManifestError` `STACK_REQUIRED` where none was given. */
export function requireStack(io: Pick<Io, 'stack'>, command: string): string {
  if (io.stack !== undefined) return io.stack
  throw new ManifestError({
    code: 'STACK_REQUIRED',
    fact: `${command} works on a deployed stack, and none is named`,
    consequence: 'Nothing was done',
    next: 'Add --stack <name>; npx cdk deploy makes one, called Sluice',
  })
}
