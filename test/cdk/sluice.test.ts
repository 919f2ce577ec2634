import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Stack } from 'aws-cdk-lib'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { afterAll, describe, expect, it } from 'vitest'
import { handlerNames } from '../../cdk/handlers.ts'
import { Sluice, SluiceStack } from '../../cdk/index.ts'
import { account, type Resource, region } from './synthesize.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-construct-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const layerDirectory = join(folder, 'layer')
mkdirSync(layerDirectory)

/** An app without Sluice's feature flags: one stack of ours, and one of somebody else with two instances in it. */
const app = new App({ outdir: join(folder, 'out'), context: { 'aws:cdk:disable-asset-staging': true } })
const own = new SluiceStack(app, 'Sluice', { env: { account, region }, layerDirectory })
const foreign = new Stack(app, 'Platform', { env: { account, region } })
new Topic(foreign, 'Theirs')
const orders = new Sluice(foreign, 'Orders', { layerDirectory, glueMirror: { databasePrefix: 'orders_' } })
new Sluice(foreign, 'Billing', { layerDirectory, childType: 'EXPRESS' })
orders.writeOutputs()
const assembly = app.synth()

interface Template {
  readonly Resources: Readonly<Record<string, Resource>>
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>
}
const templateOf = (stack: Stack) => assembly.getStackArtifact(stack.artifactId).template as Template
const ofType = (template: Template, type: string) =>
  Object.entries(template.Resources).filter(([, resource]) => resource.Type === type)

describe('Sluice as a construct', () => {
  const { Resources } = templateOf(foreign)

  it('lives in a stack of others, twice, beside what is theirs', () => {
    const count = (type: string) => ofType(templateOf(foreign), type).length
    expect(count('AWS::SNS::Topic')).toBe(1)
    expect(count('AWS::StepFunctions::StateMachine')).toBe(2)
    expect(count('AWS::Lambda::Function')).toBe(2 * handlerNames.length + 1)
    expect(count('AWS::DynamoDB::GlobalTable')).toBe(4)
  })

  it('has names of its own for all that is named in the account', () => {
    const both = [...Object.values(templateOf(own).Resources), ...Object.values(Resources)]
    const named = (type: string, property: string) =>
      both.flatMap((each) =>
        each.Type === type && property in each.Properties ? [each.Properties[property as never]] : [],
      )
    const logs = named('AWS::Logs::LogGroup', 'LogGroupName')
    expect(logs).toContain('/aws/vendedlogs/states/Sluice')
    expect([logs.length, new Set(logs).size]).toEqual([3, 3])
    const spaces = both
      .filter(({ Type }) => Type === 'AWS::Logs::MetricFilter')
      .map(({ Properties }) => JSON.stringify(Properties).match(/Sluice\/[\w-]+/)?.[0])
    expect(new Set(spaces).size).toBe(3)
    expect(spaces).toContain('Sluice/Sluice')
  })

  it('keeps each instance to its own stores', () => {
    const refersTo = (prefix: string, other: string) =>
      Object.entries(Resources)
        .filter(([id]) => id.startsWith(prefix))
        .filter(([, each]) => new RegExp(`"(Ref|Fn::GetAtt)":\\[?"${other}`).test(JSON.stringify(each)))
        .map(([id]) => id)
    expect(refersTo('Orders', 'Orders').length).toBeGreaterThan(0)
    expect(refersTo('Orders', 'Billing')).toEqual([])
    expect(refersTo('Billing', 'Orders')).toEqual([])
  })

  it('writes the outputs of a stack where it is told to, by the names that a client reads', () => {
    const names = [
      'StateMachineArn',
      'LakeBucket',
      'EvidenceBucket',
      'StateTable',
      'CatalogTable',
      'SettleFunctionArn',
      'SealFunctionArn',
      'ScheduleGroup',
      'ScheduleRoleArn',
      'ScheduleDeadLettersArn',
      'EventRoleArn',
      'ChildType',
      'Environment',
      'Sources',
    ]
    const outputsOf = (stack: Stack) => Object.keys(templateOf(stack).Outputs)
    expect(outputsOf(own)).toEqual(names)
    expect(outputsOf(foreign)).toEqual([...names, 'LakeReaderPolicyArn'])
  })

  it('takes the properties of each instance for itself', () => {
    const machines = ofType(templateOf(foreign), 'AWS::StepFunctions::StateMachine')
    const types = machines.map(
      ([, { Properties }]) => (Properties as unknown as Machine).DefinitionSubstitutions.ChildType,
    )
    expect(types.sort()).toEqual(['EXPRESS', 'STANDARD'])
  })
})

interface Machine {
  readonly DefinitionSubstitutions: Readonly<Record<string, unknown>>
}
