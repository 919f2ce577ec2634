import { randomUUID } from 'node:crypto'
import { checkExecutionArn, parseMachineArn } from './arns.ts'
import { invalid } from './errors.ts'
import type { ExecutionRecord, Executions } from './executions.ts'
import { historyEvent } from './history.ts'
import { page } from './pages.ts'
import { type Parameters, readParameters } from './parameters.ts'
import { type FindStateMachine, requireMachine } from './state-machines.ts'

export type Operation = (body: Parameters) => Promise<Parameters>

/** The operations that are served, by the names in their `X-Amz-Target`. */
export function operations(find: FindStateMachine, executions: Executions): Record<string, Operation> {
  return {
    StartExecution: async (body) => {
      const { required, text } = readParameters(body, ['stateMachineArn', 'name', 'input'])
      const machine = await requireMachine(find, required('stateMachineArn'))
      const name = text('name') ?? randomUUID()
      const { arn, startDate } = executions.start({ machine, name, input: text('input') ?? '{}' })
      return { executionArn: arn, startDate: seconds(startDate) }
    },
    DescribeExecution: async (body) => {
      const { required } = readParameters(body, ['executionArn'])
      return described(executions.require(checkExecutionArn(required('executionArn'))))
    },
    StopExecution: async (body) => {
      const { required, text } = readParameters(body, ['executionArn', 'error', 'cause'])
      const record = executions.require(checkExecutionArn(required('executionArn')))
      const [error, cause] = [text('error'), text('cause')]
      record.execution.abort({
        ...(error === undefined ? {} : { error }),
        ...(cause === undefined ? {} : { cause }),
      })
      await record.execution.result
      return { stopDate: seconds(record.stopDate ?? new Date()) }
    },
    ListExecutions: async (body) => {
      const known = ['stateMachineArn', 'statusFilter', 'maxResults', 'nextToken']
      const { required, text, pageSize } = readParameters(body, known)
      const { arn } = parseMachineArn(required('stateMachineArn'))
      await requireMachine(find, arn)
      const status = statusFilter(text('statusFilter'))
      const all = executions.list(arn).filter((one) => status === undefined || one.status === status)
      const { items, ...next } = page(all, ({ number }) => number, {
        query: `${arn} ${status ?? ''}`,
        falling: true,
        size: pageSize('maxResults'),
        token: text('nextToken'),
      })
      return { executions: items.map(summary), ...next }
    },
    GetExecutionHistory: async (body) => {
      const known = ['executionArn', 'maxResults', 'reverseOrder', 'includeExecutionData', 'nextToken']
      const { required, flag, text, pageSize } = readParameters(body, known)
      const { arn, events, roleArn } = executions.require(checkExecutionArn(required('executionArn')))
      const falling = flag('reverseOrder') ?? false
      const { items, ...next } = page(falling ? events.toReversed() : events, ({ id }) => id, {
        query: `${arn} ${falling}`,
        falling,
        size: pageSize('maxResults'),
        token: text('nextToken'),
      })
      const include = flag('includeExecutionData') ?? true
      return { events: items.map((event) => historyEvent(event, roleArn, include)), ...next }
    },
    DescribeStateMachine: async (body) => {
      const { required } = readParameters(body, ['stateMachineArn'])
      const { arn, record } = await requireMachine(find, required('stateMachineArn'))
      const { creationDate, ...rest } = record
      const created = seconds(creationDate)
      return { stateMachineArn: arn.arn, name: arn.name, status: 'ACTIVE', ...rest, creationDate: created }
    },
  }
}

const statuses: readonly string[] = ['RUNNING', 'SUCCEEDED', 'FAILED', 'ABORTED', 'TIMED_OUT']

function statusFilter(status: string | undefined): string | undefined {
  if (status === undefined || statuses.includes(status)) return status
  throw invalid(`The parameter 'statusFilter' must be one of ${statuses.join(', ')}`)
}

function summary({ arn, name, machineArn, status, startDate, stopDate }: ExecutionRecord): Parameters {
  return {
    executionArn: arn,
    name,
    stateMachineArn: machineArn,
    status,
    startDate: seconds(startDate),
    ...(stopDate === undefined ? {} : { stopDate: seconds(stopDate) }),
  }
}

function described(record: ExecutionRecord): Parameters {
  const { input, output, error, cause } = record
  return {
    ...summary(record),
    input,
    inputDetails: { included: true },
    ...(output === undefined ? {} : { output, outputDetails: { included: true } }),
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
    redriveCount: 0,
    redriveStatus: 'NOT_REDRIVABLE',
    redriveStatusReason: 'Nothing is redriven here',
  }
}

function seconds(date: Date): number {
  return date.getTime() / 1000
}
