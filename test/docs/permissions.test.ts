import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { handlerNames } from '../../cdk/handlers.ts'
import { type Grant, mergeGrants, permissions } from '../../cdk/permissions.ts'

const document = readFileSync('docs/running.md', 'utf8')
const section = (title: string): string => document.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? ''

describe('docs/running.md', () => {
  it('says of every function what its role may do, as the roles are made', () => {
    const rows = handlerNames.map(
      (name) => `| ${name} | ${mergeGrants(permissions[name]).map(grantText).join('; ')} |`,
    )
    const table = ['| function | may |', '|---|---|', ...rows].join('\n')
    expect(section('What the functions may do')).toContain(table)
  })

  it('names every call of the client of a stack as a right of its caller, and no other one', () => {
    const text = section('What the caller may do')
    const stores = /^(dynamodb|s3):/
    const named = [...text.matchAll(/`([a-z0-9]+:[A-Z]\w+)`/g)].map((match) => match[1] as string)
    const ofServices = [...new Set(named)].filter(
      (action) => !stores.test(action) || action === 's3:GetBucketNotification',
    )
    // To hand a role on is a right of its own, and no call.
    expect(ofServices.sort()).toEqual([...calledActions(), 'iam:PassRole'].sort())
  })

  it('promises that settling is left to the functions for the reason that it gives', () => {
    const deleting = handlerNames.filter((name) =>
      permissions[name].some(({ actions }) => actions.some((action) => action.includes('Delete'))),
    )
    expect(deleting).toEqual(['Settle'])
    const mayWrite = section('What the caller may do').match(/on the lake bucket ([^|]*)\|/g) ?? []
    expect(mayWrite.join()).not.toMatch(/Delete|Put/)
  })
})

/** `on the state table \`dynamodb:GetItem\`, …`; of objects with the patterns of their keys. */
function grantText({ on, actions, keys }: Grant): string {
  const place = {
    lake: 'lake',
    evidence: 'evidence',
    source: 'sources',
    state: 'state table',
    catalog: 'catalog table',
  }
  const said = actions.map((action) => `\`${action}\``).join(', ')
  const where = keys === undefined ? '' : ` of ${keys.map((key) => `\`${key}\``).join(', ')}`
  return `${place[on]}: ${said}${where}`
}

/** The IAM actions of the SDK's commands that `remote/` sends. */
function calledActions(): string[] {
  const services: Readonly<Record<string, string>> = {
    'client-cloudformation': 'cloudformation',
    'client-eventbridge': 'events',
    'client-lambda': 'lambda',
    'client-s3': 's3',
    'client-scheduler': 'scheduler',
    'client-sfn': 'states',
  }
  /** Where the right is called otherwise than the call. */
  const renamed: Readonly<Record<string, string>> = {
    'lambda:Invoke': 'lambda:InvokeFunction',
    's3:GetBucketNotificationConfiguration': 's3:GetBucketNotification',
  }
  const files = globSync('remote/*.ts').filter((file) => !/\.(test|suite)\.ts$/.test(file))
  const actions = files.flatMap((file) => {
    const source = readFileSync(file, 'utf8')
    return [...source.matchAll(/import (?:type )?\{([^}]*)\} from '@aws-sdk\/([\w-]+)'/g)].flatMap(
      ([, names = '', client = '']) =>
        [...names.matchAll(/\b(\w+)Command\b/g)].map(([, name]) => `${services[client]}:${name}`),
    )
  })
  return [...new Set(actions.map((action) => renamed[action] ?? action))]
}
