import type { Node } from 'constructs'
import { type Environment, environments } from '../core/runs/environments.ts'
import type { GlueMirrorOptions, SourceLocation } from './props.ts'

/** What can be said with `cdk deploy -c sluice:<name>=<value>`, or in cdk.json's `context`; in code there is more. */
export interface Settings {
  readonly stackName: string
  readonly architecture: 'arm64' | 'x64'
  readonly childType: 'STANDARD' | 'EXPRESS'
  readonly environment: Environment
  readonly removalPolicy: 'retain' | 'destroy'
  /** Written with commas between: `landing,archive/2026/`, each a bucket and maybe a prefix. */
  readonly sources: readonly SourceLocation[]
  readonly glueMirror?: GlueMirrorOptions
  readonly alarmTopicArn?: string
}

const prefix = 'sluice:'

const knownSettings: readonly (keyof Settings)[] = [
  'stackName',
  'architecture',
  'childType',
  'environment',
  'removalPolicy',
  'sources',
  'glueMirror',
  'alarmTopicArn',
]

/** Throws where a key or a value is not known: a typing error must not deploy the default instead. */
export function readSettings(node: Node): Settings {
  const given = new Map(
    Object.entries(node.getAllContext()).flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), String(value)] as const] : [],
    ),
  )
  const take = (name: keyof Settings): string | undefined => {
    const value = given.get(name)
    given.delete(name)
    return value
  }
  const settings: Settings = {
    stackName: take('stackName') ?? 'Sluice',
    architecture: oneOf('architecture', take('architecture') ?? 'arm64', ['arm64', 'x64']),
    childType: oneOf('childType', take('childType') ?? 'STANDARD', ['STANDARD', 'EXPRESS']),
    environment: oneOf('environment', take('environment') ?? 'production', environments),
    removalPolicy: oneOf('removalPolicy', take('removalPolicy') ?? 'retain', ['retain', 'destroy']),
    sources: (take('sources') ?? '').split(',').flatMap(sourceOf),
    ...(oneOf('glueMirror', take('glueMirror') ?? 'false', ['true', 'false']) === 'true'
      ? { glueMirror: {} }
      : {}),
  }
  const alarmTopicArn = take('alarmTopicArn')
  const [unknown] = given.keys()
  if (unknown === undefined) return alarmTopicArn === undefined ? settings : { ...settings, alarmTopicArn }
  throw new Error(
    `Context ${prefix}${unknown} is not known, so nothing was synthesized. Known: ${knownSettings.join(', ')}.`,
  )
}

function sourceOf(text: string): SourceLocation[] {
  const [bucketName = '', ...prefix] = text.trim().split('/')
  return bucketName === '' ? [] : [{ bucketName, prefix: prefix.join('/') }]
}

function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === value)
  if (found !== undefined) return found
  throw new Error(
    `Context ${prefix}${name} is ${JSON.stringify(value)}, so nothing was synthesized. Known: ${known.join(', ')}.`,
  )
}
