import type { HistoryEvent } from '../asl/index.ts'

type Details = Readonly<Record<string, unknown>>

/** An event as GetExecutionHistory tells it; times are seconds since the epoch, as AWS JSON has them. */
export function historyEvent(event: HistoryEvent, roleArn: string, includeData: boolean): Details {
  const type = event.type.replace(/^Task(?!State)/, 'LambdaFunction')
  const details = detailsOf(event, roleArn, includeData)
  return {
    id: event.id,
    previousEventId: event.previousEventId,
    timestamp: event.timestamp / 1000,
    type,
    ...(details === undefined ? {} : { [`${fieldOf(type)}EventDetails`]: details }),
  }
}

/** `TaskStateEntered` → `stateEntered`; all others have a field of their own. */
function fieldOf(type: string): string {
  const state = /State(Entered|Exited)$/.exec(type)
  if (state !== null) return `state${state[1]}`
  return type.charAt(0).toLowerCase() + type.slice(1)
}

function detailsOf({ type, stateName, details = {} }: HistoryEvent, roleArn: string, include: boolean) {
  const data = (name: 'input' | 'output', value: unknown) => ({
    ...(include ? { [name]: JSON.stringify(value) } : {}),
    [`${name}Details`]: { truncated: false },
  })
  if (type.endsWith('StateEntered')) return { name: stateName, ...data('input', details.input) }
  if (type.endsWith('StateExited')) {
    return { name: stateName, ...data('output', details.output), ...assigned(details, include) }
  }
  switch (type) {
    case 'ExecutionStarted':
      return { ...data('input', details.input), roleArn }
    case 'ExecutionSucceeded':
    case 'TaskSucceeded':
      return data('output', details.output)
    case 'TaskScheduled': {
      const { resource, parameters, timeoutInSeconds } = details
      const timeout = timeoutInSeconds === undefined ? {} : { timeoutInSeconds }
      return { resource, ...data('input', parameters), ...timeout }
    }
    case 'TaskFailed':
    case 'TaskTimedOut': {
      const { resource: _resource, ...failure } = details
      return failure
    }
    case 'EvaluationFailed':
      return { state: stateName, ...details }
    default:
      return Object.keys(details).length === 0 ? undefined : details
  }
}

/** Each variable's value as JSON text. */
function assigned({ assignedVariables }: Details, include: boolean): Details {
  if (!include || assignedVariables === undefined) return {}
  const variables = Object.entries(assignedVariables as Details)
  return {
    assignedVariables: Object.fromEntries(variables.map(([name, value]) => [name, JSON.stringify(value)])),
    assignedVariablesDetails: { truncated: false },
  }
}
