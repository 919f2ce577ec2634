import { RetryableError, type SluiceError, TerminalError } from '../core/errors.ts'
import { type AwsFault, awsFault } from '../core/stores/aws-faults.ts'

/**
 * What an error of an AWS client means for the person who typed the command; `undefined` for any other error. Errors of
 * the stores say their own words before they come here.
 */
export function awsFailure(error: unknown): SluiceError | undefined {
  const fault = awsFault(error)
  if (fault === undefined || !isOfAws(error as Error)) return undefined
  const said = `${fault.name}: ${fault.message}`
  const words = wordsFor(fault, said)
  const parts = { ...words, consequence: 'What was done before stays; nothing more was', cause: error }
  return words.code === 'AWS_DENIED' || words.code === 'AWS_CREDENTIALS' || words.code === 'AWS_REFUSED'
    ? new TerminalError(parts)
    : new RetryableError(parts)
}

/** A connection that something else opened is refused in the same words of the system. */
function isOfAws(error: Error): boolean {
  return '$metadata' in error || /CredentialsProviderError|TokenProviderError/.test(error.name)
}

function wordsFor(fault: AwsFault, said: string): { code: string; fact: string; next: string } {
  switch (fault.kind) {
    case 'credentials':
      return {
        code: 'AWS_CREDENTIALS',
        fact: /Expired/.test(fault.name)
          ? `the AWS credentials have expired (${said})`
          : `there are no valid AWS credentials (${said})`,
        next: 'Sign in again (aws sso login, or new keys), and check AWS_PROFILE and the clock of this machine',
      }
    case 'denied':
      return {
        code: 'AWS_DENIED',
        fact: `AWS refused ${deniedAction(fault.message) ?? 'the call'} (${said})`,
        next: 'Let somebody grant it; what each command needs: docs/running.md, "What the caller may do"',
      }
    case 'throttled':
      return {
        code: 'AWS_THROTTLED',
        fact: `AWS answers no more calls of this account for the moment (${said})`,
        next: 'Try again in a minute',
      }
    case 'unreached':
      return {
        code: 'AWS_UNREACHABLE',
        fact: `AWS cannot be reached from here (${said})`,
        next: 'Check the network, the proxy, AWS_REGION and AWS_ENDPOINT_URL',
      }
    case 'unanswered':
      return {
        code: 'AWS_UNANSWERED',
        fact: `AWS gave no answer in time (${said}), so the call may or may not have been carried out`,
        next: 'Look with sluice status what has become of it, then repeat the command',
      }
    case 'refused':
      return {
        code: 'AWS_REFUSED',
        fact: isElsewhere(fault)
          ? `the resource is in another region than the one that was asked (${said})`
          : `AWS refused the call (${said})`,
        next: isElsewhere(fault)
          ? 'Set AWS_REGION to the region of the stack'
          : 'Check the name of the stack, AWS_REGION and the account; if the stack is older than this version, deploy it again',
      }
  }
}

/** `User: … is not authorized to perform: states:StartExecution on resource: …`, also with `because …` behind it. */
function deniedAction(message: string): string | undefined {
  return /not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)/.exec(message)?.[1]
}

function isElsewhere({ name }: AwsFault): boolean {
  return name === 'PermanentRedirect' || name === 'AuthorizationHeaderMalformed'
}
