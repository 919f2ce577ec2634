import { readFileSync } from 'node:fs'
import validate from 'asl-validator'
import { describe, expect, it } from 'vitest'
import { bundleHandlers } from '../../cdk/bundle.ts'
import { handlerFile, handlerNames } from '../../cdk/handlers.ts'
import { flat, only, type Resource, synthesize } from './synthesize.ts'

const stack = synthesize()

const machine = only(stack.of('AWS::StepFunctions::StateMachine'))[1].Properties as unknown as {
  readonly DefinitionS3Location: { readonly Key: string }
  readonly DefinitionSubstitutions: Readonly<Record<string, unknown>>
  readonly StateMachineType: string
  readonly TracingConfiguration: unknown
  readonly LoggingConfiguration: unknown
}
const definition = stack.asset(machine.DefinitionS3Location.Key)
const placeholders = [...new Set([...definition.matchAll(/\$\{(\w+)\}/g)].map((match) => match[1] as string))]

interface State {
  readonly Type: string
  readonly ItemProcessor?: {
    readonly States: Record<string, State>
    readonly ProcessorConfig: { Mode: string }
  }
  readonly [key: string]: unknown
}

/** The definition as it is after CloudFormation has filled it in, with every reference as text. */
function resolved(): { readonly States: Record<string, State> } {
  const fill = (_: string, name: string) => flat(machine.DefinitionSubstitutions[name])
  return JSON.parse(definition.replace(/\$\{(\w+)\}/g, fill)) as { States: Record<string, State> }
}

function statesOf(states: Record<string, State>): State[] {
  return Object.values(states).flatMap((state) => [state, ...statesOf(state.ItemProcessor?.States ?? {})])
}

describe('the definition', () => {
  it('is the file that the embedded engine interprets, byte by byte', () => {
    expect(definition).toBe(readFileSync('state-machines/run.asl.json', 'utf8'))
  })

  it('has a value for each of its placeholders, and no value without one', () => {
    expect(Object.keys(machine.DefinitionSubstitutions).sort()).toEqual(placeholders.sort())
    expect(JSON.stringify(resolved())).not.toContain('${')
    const { isValid, errors } = validate(resolved() as never, { checkArn: false })
    expect([isValid, errors]).toEqual([true, []])
  })

  it('calls a version of each function, so that a run ends with the code it began with', () => {
    for (const name of handlerNames) {
      const reference = machine.DefinitionSubstitutions[name] as { readonly Ref: string }
      const version = stack.resources[reference.Ref] as Resource
      expect([version.Type, version.DeletionPolicy], name).toEqual(['AWS::Lambda::Version', 'Retain'])
      const { Ref } = (version.Properties as Record<string, { Ref: string }>).FunctionName as { Ref: string }
      expect((stack.resources[Ref] as Resource).Properties).toMatchObject({
        Description: `Sluice: ${handlerFile(name)}`,
      })
    }
  })

  it('reads its items from the evidence bucket and writes the results of its children there', () => {
    const map = statesOf(resolved().States).find(
      (s) => s.ItemProcessor?.ProcessorConfig.Mode === 'DISTRIBUTED',
    )
    const [evidence] = only(stack.of('AWS::S3::Bucket'), 'BucketsEvidence')
    expect(map).toMatchObject({
      ItemReader: { Arguments: { Bucket: `<${evidence}>` } },
      ResultWriter: {
        Resource: 'arn:aws:states:::s3:putObject',
        Arguments: { Bucket: `<${evidence}>`, Prefix: '{% $run.results_prefix %}' },
      },
      ItemProcessor: { ProcessorConfig: { ExecutionType: 'STANDARD' } },
    })
  })

  it('waits longer for a gate than its function may take', () => {
    const gate = only(stack.of('AWS::Lambda::Function'), 'GatesStage')[1].Properties as {
      Timeout?: number
    }
    expect(gate.Timeout).toBe(900)
    expect(machine.DefinitionSubstitutions.GateTimeoutSeconds).toBe('960')
  })

  it('retries and catches only what some handler, Lambda or Step Functions throws', () => {
    const rules = statesOf(resolved().States).flatMap((state) =>
      [...((state.Retry as []) ?? []), ...((state.Catch as []) ?? [])].flatMap(
        (rule: { ErrorEquals: string[] }) => rule.ErrorEquals,
      ),
    )
    const own = [...new Set(rules)].filter((name) => !/^(States|Lambda)\./.test(name))
    expect(own.length).toBeGreaterThan(3)
    // Of the files that are in some handler's bundle: what only the laptop throws does not count.
    const bundled = Object.values(bundleHandlers('.cache/sluice')).flatMap(({ inputs }) => inputs)
    const sources = [...new Set(bundled)]
      .filter((path) => /^(core|lambdas)\//.test(path))
      .map((path) => readFileSync(path, 'utf8'))
    const thrown = new Set(
      sources.flatMap((text) => [...text.matchAll(/new (\w+Error)\(/g)].map((m) => m[1])),
    )
    expect(own.filter((name) => !thrown.has(name))).toEqual([])
  })

  it('is logged and traced in full', () => {
    expect(machine).toMatchObject({
      StateMachineType: 'STANDARD',
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: true },
    })
  })
})

describe('EXPRESS children', () => {
  const express = synthesize({ childType: 'EXPRESS' })
  const substitutions = only(express.of('AWS::StepFunctions::StateMachine'))[1].Properties as unknown as {
    readonly DefinitionSubstitutions: Readonly<Record<string, unknown>>
    readonly StateMachineType: string
  }

  it('are a word in the definition; the run itself stays STANDARD', () => {
    expect(substitutions).toMatchObject({
      StateMachineType: 'STANDARD',
      DefinitionSubstitutions: { ChildType: 'EXPRESS', GateTimeoutSeconds: '300' },
    })
  })

  it('are told to clients, which start nothing on them that may wait for long', () => {
    expect(express.template.Outputs).toMatchObject({ ChildType: { Value: 'EXPRESS' } })
  })

  it('leave a gate less time than the five minutes that an execution has', () => {
    const timeouts = express
      .of('AWS::Lambda::Function')
      .map(([, { Properties }]) => (Properties as { Timeout?: number }).Timeout as number)
    expect(Math.max(...timeouts)).toBeLessThanOrEqual(300)
    expect(() => synthesize({ childType: 'EXPRESS', gateTimeoutSeconds: 300 })).toThrow(/30 to 240/)
    expect(() => synthesize({ gateTimeoutSeconds: 901 })).toThrow(/30 to 900/)
  })
})
