import { ManifestError, TerminalError } from '../errors.ts'
import type { Dataflow } from '../manifest/types.ts'

/** What a place where dataflows run is for. Closed, so that a typing error cannot make a production of something else. */
export const environments = ['development', 'test', 'staging', 'production'] as const
export type Environment = (typeof environments)[number]

/** The environment that a text names, or the default where there is none. Throws `TerminalError` `ENVIRONMENT_INVALID`. */
export function parseEnvironment(text: string | undefined, byDefault: Environment): Environment {
  if (text === undefined || text === '') return byDefault
  const found = environments.find((name) => name === text)
  if (found !== undefined) return found
  throw new TerminalError({
    code: 'ENVIRONMENT_INVALID',
    fact: `SLUICE_ENVIRONMENT is ${JSON.stringify(text)}, which is no environment`,
    consequence: 'Nothing was read or written',
    next: `Use one of: ${environments.join(', ')}`,
  })
}

/** Refuses raw rows in a production's quarantine. Throws `ManifestError` `PRESERVE_IN_PRODUCTION`. */
export function checkPreserve(
  environment: Environment | undefined,
  dataflows: readonly Pick<Dataflow, 'name' | 'contract'>[],
): void {
  if ((environment ?? 'production') !== 'production') return
  const names = dataflows
    .filter(({ contract }) => contract.quarantine.pii_policy === 'preserve')
    .map(({ name }) => name)
  if (names.length === 0) return
  throw new ManifestError({
    code: 'PRESERVE_IN_PRODUCTION',
    fact: `the environment is production, and pii_policy: preserve of ${names.join(', ')} would keep raw rows in quarantine`,
    consequence: 'Nothing was started',
    next: 'Use pii_policy: masked or reference_only; a stack or a machine that is no production says so by its environment',
    details: { dataflows: names },
  })
}
