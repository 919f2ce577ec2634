import { ServiceError } from './errors.ts'

export interface MachineArn {
  readonly arn: string
  /** `arn:aws:states:us-east-1:123456789012` */
  readonly scope: string
  readonly name: string
}

const machine = /^(arn:[a-z-]+:states:[a-z0-9-]+:\d{12}):stateMachine:([^:/\s]{1,80})$/
const execution = /^arn:[a-z-]+:states:[a-z0-9-]+:\d{12}:execution:[^:/\s]{1,80}:[^:/\s]{1,80}$/

/** Versions, aliases and the children of a Distributed Map are not known here. Throws `InvalidArn`. */
export function parseMachineArn(arn: string): MachineArn {
  const match = machine.exec(arn)
  if (match === null) throw new ServiceError('InvalidArn', `Invalid Arn: '${arn}' is not a state machine's`)
  return { arn, scope: match[1] as string, name: match[2] as string }
}

export function checkExecutionArn(arn: string): string {
  if (execution.test(arn)) return arn
  throw new ServiceError('InvalidArn', `Invalid Arn: '${arn}' is not an execution's`)
}

/** What a name cannot hold (API reference, StartExecution): white space, brackets, wildcards, other special characters. */
const forbidden = /[\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}\ufffe\uffff]/u

export function checkExecutionName(name: string): string {
  if (name.length >= 1 && name.length <= 80 && !forbidden.test(name)) return name
  throw new ServiceError('InvalidName', `Invalid Name: '${name}'`)
}
