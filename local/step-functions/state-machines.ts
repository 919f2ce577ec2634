import { loadStateMachine, type StateMachine, StateMachineError } from '../asl/index.ts'
import { type MachineArn, parseMachineArn } from './arns.ts'
import { ServiceError } from './errors.ts'

/** A state machine as DescribeStateMachine tells it. */
export interface StateMachineRecord {
  readonly definition: string
  readonly roleArn: string
  readonly type: 'STANDARD' | 'EXPRESS'
  readonly creationDate: Date
}

/** Where state machines are kept; `undefined`: there is none of that ARN. */
export type FindStateMachine = (arn: string) => Promise<StateMachineRecord | undefined>

export interface FoundMachine {
  readonly arn: MachineArn
  readonly record: StateMachineRecord
}

/** Throws `InvalidArn`, `StateMachineDoesNotExist`. */
export async function requireMachine(find: FindStateMachine, text: string): Promise<FoundMachine> {
  const arn = parseMachineArn(text)
  const record = await find(arn.arn)
  if (record !== undefined) return { arn, record }
  throw new ServiceError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${text}'`)
}

/** Throws `StateMachineTypeNotSupported`, `InvalidDefinition` with every finding. */
export function loadMachine({ arn, record }: FoundMachine): StateMachine {
  if (record.type !== 'STANDARD') {
    throw new ServiceError('StateMachineTypeNotSupported', `'${arn.arn}' is ${record.type}`)
  }
  try {
    return loadStateMachine(record.definition, { name: arn.name })
  } catch (error) {
    if (!(error instanceof StateMachineError)) throw error
    throw new ServiceError('InvalidDefinition', error.message)
  }
}
