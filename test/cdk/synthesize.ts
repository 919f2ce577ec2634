import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { App, type Stack } from 'aws-cdk-lib'
import { featureFlags, SluiceStack, type SluiceStackProps } from '../../cdk/index.ts'

export const account = '123456789012'
export const region = 'eu-west-1'

export interface Resource {
  readonly Type: string
  // Templates are compared as they are; their properties have no types of ours.
  readonly Properties: Readonly<Record<string, never>>
  readonly DeletionPolicy?: string
}

export interface Synthesized {
  readonly resources: Readonly<Record<string, Resource>>
  readonly template: Readonly<Record<string, unknown>>
  /** Logical id and resource. */
  of(type: string): [string, Resource][]
  /** The text of the file that the template takes from S3 under this key. */
  asset(key: string): string
}

export interface Setting extends SluiceStackProps {
  /** Default: what cdk.json gives the CLI. */
  readonly context?: Readonly<Record<string, unknown>>
  /** Adds to the stack, or to its app, before it is synthesized. */
  readonly extend?: (stack: Stack) => void
}

/**
 * The stack, with an empty directory in the place of the DuckDB layer of 70 MB, whose content no template shows:
 * so the default architecture needs no network, and no native library is hashed again and again.
 */
export function synthesize({ context = featureFlags, extend, ...props }: Setting = {}): Synthesized {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cdk-'))
  const outdir = join(folder, 'out')
  const layerDirectory = join(folder, 'layer')
  mkdirSync(layerDirectory)
  try {
    const app = new App({ context: { ...context, 'aws:cdk:disable-asset-staging': true }, outdir })
    const stack = new SluiceStack(app, 'Sluice', { env: { account, region }, layerDirectory, ...props })
    extend?.(stack)
    const { template } = app.synth().getStackArtifact(stack.artifactId)
    return view(
      template as never,
      JSON.parse(readFileSync(join(outdir, 'Sluice.assets.json'), 'utf8')),
      outdir,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface AssetManifest {
  readonly files: Readonly<Record<string, { readonly source: { readonly path: string } }>>
}

function view(
  template: { readonly Resources: Readonly<Record<string, Resource>> },
  manifest: AssetManifest,
  outdir: string,
): Synthesized {
  return {
    template,
    resources: template.Resources,
    of: (type) => Object.entries(template.Resources).filter(([, resource]) => resource.Type === type),
    asset: (key) => {
      const file = manifest.files[key.replace(/\..*$/, '')]
      if (file === undefined) throw new Error(`no asset has the key ${key}`)
      return readFileSync(resolve(outdir, file.source.path), 'utf8')
    },
  }
}

/** The one resource of its type, or the one whose logical id begins with the prefix. */
export function only(entries: readonly [string, Resource][], prefix = ''): [string, Resource] {
  const found = entries.filter(([id]) => id.startsWith(prefix))
  if (found.length !== 1) throw new Error(`${found.length} resources begin with ${prefix}, not 1`)
  return found[0] as [string, Resource]
}

/** An ARN or name as text: `<LogicalId.Arn>/evidence/*`. */
export function flat(value: unknown): string {
  if (typeof value === 'string') return value
  const [name, argument] = Object.entries(value as Record<string, unknown>)[0] as [string, unknown]
  if (name === 'Ref') return `<${argument}>`
  if (name === 'Fn::GetAtt') return `<${(argument as string[]).join('.')}>`
  if (name === 'Fn::Join') return (argument as [string, unknown[]])[1].map(flat).join('')
  throw new Error(`cannot write down ${JSON.stringify(value)}`)
}

export interface Statement {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource: unknown
  readonly Condition?: unknown
}

export function list<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T]
}
