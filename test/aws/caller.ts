import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  type CloudFormationClient,
  CreateStackCommand,
  waitUntilStackCreateComplete,
} from '@aws-sdk/client-cloudformation'
import type { Stack } from '../../remote/stack.ts'

interface Statement {
  readonly Effect: 'Allow'
  readonly Action: string
  readonly Resource: readonly string[]
}

/** The rows of the table of what the caller of a command may do, by what stands in their first column. */
function documentedRows(): ReadonlyMap<string, string> {
  const text = readFileSync(resolve(import.meta.dirname, '..', '..', 'docs', 'running.md'), 'utf8')
  const section = text.split('\n## What the caller may do\n')[1]?.split('\n## ')[0] ?? ''
  return new Map(
    [...section.matchAll(/^\| (.+?) \| (.+) \|$/gm)].map(([, command, may]) => [command, may] as never),
  )
}

/** `on the evidence bucket \`s3:PutObject\` for \`plans/*\`; …` as statements about the parts of a stack. */
function statementsOf(may: string, stack: Stack, sources: string): Statement[] {
  const places: Readonly<Record<string, string>> = {
    'state table': `arn:aws:dynamodb:*:*:table/${stack.StateTable}`,
    'catalog table': `arn:aws:dynamodb:*:*:table/${stack.CatalogTable}`,
    'evidence bucket': `arn:aws:s3:::${stack.EvidenceBucket}`,
    'lake bucket': `arn:aws:s3:::${stack.LakeBucket}`,
    sources: `arn:aws:s3:::${sources}`,
  }
  return may.split(';').flatMap((clause) => {
    const named = Object.entries(places).flatMap(([name, arn]) =>
      clause.includes(`the ${name}`) ? [arn] : [],
    )
    const actions = clause.matchAll(/`([a-z0-9]+:\w+)`(?: for ((?:`[\w*/-]+`(?:, | and )?)+))?/g)
    return [...actions].map(([, Action = '', of]): Statement => {
      const keys = of === undefined ? ['*'] : [...of.matchAll(/`([^`]+)`/g)].map(([, key]) => key as string)
      const Resource = /^(s3|dynamodb):/.test(Action)
        ? named.flatMap((arn) => [...(of === undefined ? [arn] : []), ...keys.map((key) => `${arn}/${key}`)])
        : ['*']
      return { Effect: 'Allow', Action, Resource: Resource.length === 0 ? ['*'] : Resource }
    })
  })
}

export interface CallerOptions {
  /** Who may take on any role. */
  readonly root: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** First columns of the table in docs/running.md. */
  readonly commands: readonly string[]
  /** Bucket of the sources. */
  readonly sources: string
  /** Where the profile is written. */
  readonly directory: string
}

/**
 * The environment of somebody who may do what docs/running.md says that the caller of these commands may do, and
 * nothing else: a role that the SDK takes on by its profile.
 */
export async function documentedCaller(
  client: CloudFormationClient,
  stack: Stack,
  options: CallerOptions,
): Promise<Readonly<Record<string, string | undefined>>> {
  const rows = documentedRows()
  const Statement = options.commands.flatMap((command) => {
    const may = rows.get(command)
    if (may === undefined)
      throw new Error(`docs/running.md does not say what the caller of ${command} may do`)
    return statementsOf(may, stack, options.sources)
  })
  const RoleName = 'DocumentedCaller'
  const trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: '*' } }
  const Caller = {
    Type: 'AWS::IAM::Role',
    Properties: {
      RoleName,
      AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [trust] },
      Policies: [{ PolicyName: 'Documented', PolicyDocument: { Version: '2012-10-17', Statement } }],
    },
  }
  const create = new CreateStackCommand({
    StackName: RoleName,
    TemplateBody: JSON.stringify({ Resources: { Caller } }),
    Capabilities: ['CAPABILITY_NAMED_IAM'],
  })
  const { StackId } = await client.send(create)
  await waitUntilStackCreateComplete(
    { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { StackName: StackId },
  )
  const account = stack.StateMachineArn.split(':')[4]
  const file = join(options.directory, 'aws-config')
  const lines = [
    '[profile root]',
    `aws_access_key_id = ${options.root.accessKeyId}`,
    `aws_secret_access_key = ${options.root.secretAccessKey}`,
    '[profile caller]',
    `role_arn = arn:aws:iam::${account}:role/${RoleName}`,
    'source_profile = root',
    'region = us-east-1',
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  return {
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_PROFILE: 'caller',
    AWS_CONFIG_FILE: file,
  }
}
