import {
  type Execution,
  type HistoryEvent,
  type ObjectService,
  StateMachineError,
  startExecution,
  type TaskResolver,
} from '../asl/index.ts'
import { checkExecutionName } from './arns.ts'
import { ServiceError } from './errors.ts'
import { type FoundMachine, loadMachine } from './state-machines.ts'

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED' | 'TIMED_OUT'

export interface ExecutionRecord {
  /** In the order in which executions were started here. */
  readonly number: number
  readonly arn: string
  readonly name: string
  readonly machineArn: string
  readonly roleArn: string
  /** JSON, as it was given. */
  readonly input: string
  readonly startDate: Date
  status: ExecutionStatus
  stopDate?: Date
  /** JSON. */
  output?: string
  error?: string
  cause?: string
  /** Of the execution itself; a Distributed Map's children have histories of their own, which are not kept. */
  readonly events: HistoryEvent[]
  readonly execution: Execution
}

export interface ExecutionPorts {
  readonly tasks: TaskResolver
  readonly objects: ObjectService
}

export interface StartRequest {
  readonly machine: FoundMachine
  readonly name: string
  readonly input: string
}

export interface Executions {
  /** Throws `InvalidName`, `InvalidExecutionInput`, `ExecutionAlreadyExists` and what {@link loadMachine} throws. */
  start(request: StartRequest): ExecutionRecord
  /** Throws `ExecutionDoesNotExist`. */
  require(arn: string): ExecutionRecord
  /** The newest first. */
  list(machineArn: string): ExecutionRecord[]
  /** Aborts what is running; resolves when no task of any execution is at work any more. */
  close(): Promise<void>
}

export function openExecutions(ports: ExecutionPorts): Executions {
  const records = new Map<string, ExecutionRecord>()
  return {
    start: (request) => {
      const { arn, scope } = request.machine.arn
      const name = checkExecutionName(request.name)
      const input = parseInput(request.input)
      const id = `${scope}:execution:${request.machine.arn.name}:${name}`
      const existing = records.get(id)
      if (existing !== undefined) return sameAgain(existing, request)
      const events: HistoryEvent[] = []
      const execution = begin(ports, request, { name, scope, input, events })
      const record: ExecutionRecord = {
        number: records.size + 1,
        arn: id,
        name,
        machineArn: arn,
        roleArn: request.machine.record.roleArn,
        input: request.input,
        startDate: new Date(),
        status: 'RUNNING',
        events,
        execution,
      }
      records.set(id, record)
      void execution.result.then(({ status, output, error, cause }) => {
        record.status = status
        record.stopDate = new Date()
        if (status === 'SUCCEEDED') record.output = JSON.stringify(output)
        if (error !== undefined) record.error = error
        if (cause !== undefined) record.cause = cause
      })
      return record
    },
    require: (arn) => {
      const record = records.get(arn)
      if (record !== undefined) return record
      throw new ServiceError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`)
    },
    list: (machineArn) =>
      [...records.values()].filter((record) => record.machineArn === machineArn).reverse(),
    close: async () => {
      for (const { execution } of records.values()) execution.abort({ cause: 'the server is being stopped' })
      await Promise.all([...records.values()].map(({ execution }) => execution.settled))
    },
  }
}

function begin(
  { tasks, objects }: ExecutionPorts,
  { machine }: StartRequest,
  { events, ...rest }: { name: string; scope: string; input: unknown; events: HistoryEvent[] },
): Execution {
  const loaded = loadMachine(machine)
  const onEvent = (event: HistoryEvent) => {
    if (event.parentExecutionId === undefined) events.push(event)
  }
  try {
    return startExecution(loaded, { ...rest, tasks, objects, onEvent })
  } catch (error) {
    if (!(error instanceof StateMachineError)) throw error
    throw new ServiceError('InvalidDefinition', error.message)
  }
}

/** 256 KiB (Step Functions quotas). */
const inputLimit = 262_144

function parseInput(input: string): unknown {
  if (Buffer.byteLength(input) > inputLimit) {
    throw new ServiceError('InvalidExecutionInput', `The input is longer than ${inputLimit} bytes`)
  }
  try {
    return JSON.parse(input)
  } catch (error) {
    throw new ServiceError('InvalidExecutionInput', `Invalid State Machine Execution Input: ${error}`)
  }
}

/** While it runs, the same request is answered as the first one was; everything else is another execution. */
function sameAgain(existing: ExecutionRecord, { machine, input }: StartRequest): ExecutionRecord {
  const isSame = existing.machineArn === machine.arn.arn && existing.input === input
  if (isSame && existing.status === 'RUNNING') return existing
  throw new ServiceError('ExecutionAlreadyExists', `Execution Already Exists: '${existing.arn}'`)
}
