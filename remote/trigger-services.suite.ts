import { ResourceNotFoundException as RuleGone } from '@aws-sdk/client-eventbridge'
import { ConflictException, ResourceNotFoundException as ScheduleGone } from '@aws-sdk/client-scheduler'
import type { Stack } from './stack.ts'
import type { TriggerClients } from './triggers.ts'

type Input = Readonly<Record<string, unknown>>
type Answer = (input: Input) => unknown

/** The three services in memory, as far as deployments use them, with pages of two and their own refusals. */
export interface TriggerServices {
  readonly clients: TriggerClients
  /** By group and name. */
  readonly schedules: Map<string, Input>
  readonly rules: Map<string, { rule: Input; targets: Input[] }>
  /** By bucket: its notifications, or the name of the error. */
  readonly buckets: Map<string, Input | string>
  /** Names of the commands that change something, in order. */
  readonly changes: string[]
  /** Called before each command; may throw in its place. */
  before: (command: string, input: Input) => void
}

export const stack: Stack = {
  name: 'Sluice',
  StateMachineArn: 'arn:aws:states:eu-west-1:123456789012:stateMachine:Run',
  LakeBucket: 'lake',
  EvidenceBucket: 'evidence',
  StateTable: 'state',
  CatalogTable: 'catalog',
  SettleFunctionArn: '',
  SealFunctionArn: '',
  ScheduleGroup: 'Group',
  ScheduleRoleArn: 'arn:aws:iam::123456789012:role/schedules',
  ScheduleDeadLettersArn: 'arn:aws:sqs:eu-west-1:123456789012:dead',
  EventRoleArn: 'arn:aws:iam::123456789012:role/events',
  ChildType: 'STANDARD',
  Environment: 'development',
  Sources: '["in/","other/"]',
}

const pageSize = 2

export function triggerServices(): TriggerServices {
  const schedules = new Map<string, Input>()
  const rules = new Map<string, { rule: Input; targets: Input[] }>()
  const buckets = new Map<string, Input | string>()
  const changes: string[] = []
  const keyOf = ({ GroupName, Name }: Input): string => `${GroupName}/${Name}`
  const scheduleAt = (input: Input): Input => {
    const found = schedules.get(keyOf(input))
    if (found === undefined) throw new ScheduleGone({ message: 'gone', Message: 'gone', $metadata: {} })
    return found
  }
  const ruleAt = (name: unknown) => {
    const found = rules.get(name as string)
    if (found === undefined) throw new RuleGone({ message: 'gone', $metadata: {} })
    return found
  }
  const put = (input: Input): Input => {
    checkName(input.Name)
    schedules.set(keyOf(input), structuredClone(input))
    return {}
  }
  const answers: Readonly<Record<string, Answer>> = {
    ListSchedulesCommand: ({ GroupName, NamePrefix, NextToken }) => {
      const names = [...schedules.values()].filter((each) => each.GroupName === GroupName)
      const [Schedules, token] = page(names, NamePrefix, NextToken)
      return { Schedules, ...token }
    },
    GetScheduleCommand: (input) => ({
      Arn: 'arn',
      CreationDate: new Date(),
      ...scheduleAt(input),
      $metadata: {},
    }),
    CreateScheduleCommand: (input) => {
      if (schedules.has(keyOf(input)))
        throw new ConflictException({ message: 'there', Message: 'there', $metadata: {} })
      return put(input)
    },
    UpdateScheduleCommand: (input) => {
      scheduleAt(input)
      return put(input)
    },
    DeleteScheduleCommand: (input) => {
      scheduleAt(input)
      schedules.delete(keyOf(input))
      return {}
    },
    ListRulesCommand: ({ NamePrefix, NextToken }) => {
      const [Rules, token] = page(
        [...rules.values()].map(({ rule }) => rule),
        NamePrefix,
        NextToken,
      )
      return { Rules, ...token }
    },
    DescribeRuleCommand: ({ Name }) => ({ EventBusName: 'default', ...ruleAt(Name).rule, $metadata: {} }),
    PutRuleCommand: (input) => {
      checkName(input.Name)
      const targets = rules.get(input.Name as string)?.targets ?? []
      rules.set(input.Name as string, { rule: structuredClone(input), targets })
      return {}
    },
    ListTargetsByRuleCommand: ({ Rule }) => ({ Targets: structuredClone(ruleAt(Rule).targets) }),
    PutTargetsCommand: ({ Rule, Targets }) => {
      const found = ruleAt(Rule)
      for (const target of Targets as Input[]) {
        found.targets = [...found.targets.filter(({ Id }) => Id !== target.Id), structuredClone(target)]
      }
      return { FailedEntryCount: 0, FailedEntries: [] }
    },
    RemoveTargetsCommand: ({ Rule, Ids }) => {
      const found = ruleAt(Rule)
      found.targets = found.targets.filter(({ Id }) => !(Ids as unknown[]).includes(Id))
      return { FailedEntryCount: 0 }
    },
    DeleteRuleCommand: ({ Name }) => {
      if (ruleAt(Name).targets.length > 0) throw new Error('Rule can’t be deleted since it has targets.')
      rules.delete(Name as string)
      return {}
    },
    GetBucketNotificationConfigurationCommand: ({ Bucket }) => {
      const found = buckets.get(Bucket as string) ?? 'NoSuchBucket'
      if (typeof found === 'string') throw Object.assign(new Error(found), { name: found })
      return { $metadata: {}, ...found }
    },
  }
  const services: TriggerServices = {
    schedules,
    rules,
    buckets,
    changes,
    before: () => undefined,
    clients: undefined as never,
  }
  const send = async (command: { readonly input: Input }): Promise<unknown> => {
    const { name } = command.constructor
    services.before(name, command.input)
    const answer = answers[name]!(command.input)
    if (/^(Create|Update|Delete|Put|Remove)/.test(name)) changes.push(name.replace(/Command$/, ''))
    return answer
  }
  const client = { send: send as never }
  return Object.assign(services, { clients: { scheduler: client, events: client, s3: client } })
}

function page(all: readonly Input[], prefix: unknown, token: unknown): [Input[], { NextToken?: string }] {
  const from = Number(token ?? 0)
  const fitting = all.filter(({ Name }) => (Name as string).startsWith(prefix as string))
  const rest = from + pageSize < fitting.length ? { NextToken: String(from + pageSize) } : {}
  return [fitting.slice(from, from + pageSize), rest]
}

/** API references of CreateSchedule and PutRule. */
function checkName(name: unknown): void {
  if (!/^[0-9a-zA-Z-_.]{1,64}$/.test(name as string)) throw new Error(`no name: ${name}`)
}
