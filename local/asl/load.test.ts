import { describe, expect, it } from 'vitest'
import { StateMachineError } from './errors.ts'
import { loadStateMachine } from './load.ts'
import { distributed, flow, inline, machine } from './test-kit.ts'

const END = { End: true }
const PASS = { Type: 'Pass', ...END }
const task = (more: object = {}) => machine({ A: { Type: 'Task', Resource: 'r', ...END, ...more } })
const retry = (...list: object[]) => task({ Retry: list })
const map = (more: object, processor: object = inline({ I: PASS })) =>
  machine({ M: { Type: 'Map', ItemProcessor: processor, ...END, ...more } })
const spread = (more: object) => map(more, distributed({ I: PASS }))
const GET = 'arn:aws:states:::s3:getObject'
const reader = (config: object, more: object = {}) =>
  spread({
    ItemReader: { Resource: GET, Arguments: { Bucket: 'b', Key: 'k' }, ReaderConfig: config, ...more },
  })
const writer = (more: object) => spread({ ResultWriter: more })

const placeholder = (name: string): string => `$\{${name}}`

function findings(definition: unknown, substitutions?: Record<string, string>): string[] {
  try {
    loadStateMachine(definition, substitutions === undefined ? {} : { substitutions })
  } catch (error) {
    expect(error).toBeInstanceOf(StateMachineError)
    return (error as StateMachineError).findings.map((f) => `${f.path}: ${f.problem}`)
  }
  return []
}

/** What is wrong, and where the one finding must point. */
const REFUSED: readonly (readonly [string, unknown, string])[] = [
  ['text that is not JSON', '{', ''],
  ['not an object', '[]', ''],
  ['another query language', { ...task(), QueryLanguage: 'JSONPath' }, '/QueryLanguage'],
  ['no query language', { StartAt: 'A', States: { A: PASS } }, '/QueryLanguage'],
  [
    'another query language in a state',
    machine({ A: { ...PASS, QueryLanguage: 'JSONPath' } }),
    '/States/A/QueryLanguage',
  ],
  ['an unknown field of the machine', machine({ A: PASS }, { Extra: 1 }), '/Extra'],
  ['an unknown version', machine({ A: PASS }, { Version: '2.0' }), '/Version'],
  ['TimeoutSeconds 0', machine({ A: PASS }, { TimeoutSeconds: 0 }), '/TimeoutSeconds'],
  ['StartAt that leads nowhere', { ...machine({ A: { Type: 'Succeed' } }), StartAt: 'B' }, ''],
  ['an unknown type', machine({ A: { Type: 'Nap' } }), '/States/A/Type'],
  ['an unknown field', machine({ A: { ...PASS, Extra: 1 } }), '/States/A/Extra'],
  ['a field of another type of state', machine({ A: { ...PASS, Retry: [] } }), '/States/A/Retry'],
  ['ResultPath', task({ ResultPath: '$.x' }), '/States/A/ResultPath'],
  ['InputPath', task({ InputPath: '$' }), '/States/A/InputPath'],
  ['Parameters', task({ Parameters: {} }), '/States/A/Parameters'],
  ['Result of a Pass', machine({ A: { ...PASS, Result: 1 } }), '/States/A/Result'],
  ['Credentials', task({ Credentials: {} }), '/States/A/Credentials'],
  ['neither Next nor End', machine({ A: { Type: 'Pass' }, B: PASS }), ''],
  ['Next and End', machine({ A: { ...PASS, Next: 'B' }, B: PASS }), '/States/A'],
  ['End false', machine({ A: { Type: 'Pass', End: false } }), '/States/A/End'],
  ['an undefined Next', machine({ A: { Type: 'Pass', Next: 'Z' }, B: PASS }), ''],
  [
    'a Next into another flow',
    machine({
      P: { Type: 'Parallel', Branches: [flow({ A: { Type: 'Pass', Next: 'Q' }, A2: PASS })], Next: 'Q' },
      Q: PASS,
    }),
    '',
  ],
  [
    'an undefined Default',
    machine({
      C: { Type: 'Choice', Choices: [{ Condition: '{% true %}', Next: 'S' }], Default: 'Z' },
      S: { Type: 'Succeed' },
    }),
    '/States/C/Default',
  ],
  ['an unreachable state', machine({ A: PASS, B: PASS }), '/States/B'],
  ['a flow without an end', machine({ A: { Type: 'Pass', Next: 'A' } }), '/States'],
  [
    'a state name used twice',
    machine({ A: { Type: 'Parallel', Branches: [flow({ A: PASS })], ...END } }),
    '/States/A/Branches/0/States/A',
  ],
  ['a state name of 81 characters', machine({ ['x'.repeat(81)]: PASS }), `/States/${'x'.repeat(81)}`],
  ['no states', { QueryLanguage: 'JSONata', StartAt: 'A', States: {} }, ''],
  ['no Resource', machine({ A: { Type: 'Task', ...END } }), '/States/A'],
  [
    'a task token',
    task({ Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken' }),
    '/States/A/Resource',
  ],
  ['an activity', task({ Resource: 'arn:aws:states:us-east-1:1:activity:a' }), '/States/A/Resource'],
  ['Arguments that are a plain string', task({ Arguments: 'x' }), '/States/A/Arguments'],
  ['Heartbeat = Timeout', task({ TimeoutSeconds: 5, HeartbeatSeconds: 5 }), '/States/A/HeartbeatSeconds'],
  ['TimeoutSeconds 1.5', task({ TimeoutSeconds: 1.5 }), '/States/A/TimeoutSeconds'],
  ['TimeoutSeconds as plain text', task({ TimeoutSeconds: '5' }), '/States/A/TimeoutSeconds'],
  ['an expression that does not parse', task({ Output: { a: ['{% 1 + %}'] } }), '/States/A/Output/a/0'],
  ['an expression that is not closed', task({ Output: '{% 1 ' }), '/States/A/Output'],
  ['an undefined variable', task({ Output: '{% $nope %}' }), '/States/A/Output'],
  ['an unknown function', task({ Output: '{% $frob(1) %}' }), '/States/A/Output'],
  ['$eval', task({ Output: "{% $eval('1') %}" }), '/States/A/Output'],
  ['an unknown member of $states', task({ Output: '{% $states.foo %}' }), '/States/A/Output'],
  ['$states.result before there is one', task({ Arguments: '{% $states.result %}' }), '/States/A/Arguments'],
  [
    '$states.result of a Pass',
    machine({ A: { ...PASS, Output: '{% $states.result %}' } }),
    '/States/A/Output',
  ],
  ['$states.errorOutput outside Catch', task({ Output: '{% $states.errorOutput %}' }), '/States/A/Output'],
  [
    '$states.result in Catch',
    machine({
      A: {
        Type: 'Task',
        Resource: 'r',
        Catch: [{ ErrorEquals: ['E'], Next: 'B', Output: '{% $states.result %}' }],
        Next: 'B',
      },
      B: PASS,
    }),
    '/States/A/Catch/0/Output',
  ],
  ['the variable name "states"', task({ Assign: { states: 1 } }), '/States/A/Assign/states'],
  ['a variable name with a hyphen', task({ Assign: { 'a-b': 1 } }), '/States/A/Assign/a-b'],
  ['Assign that is not an object', task({ Assign: '{% {} %}' }), '/States/A/Assign'],
  [
    'an assignment to a variable of an outer flow',
    machine({
      A: { Type: 'Pass', Assign: { x: 1 }, Next: 'M' },
      M: { Type: 'Map', Items: [], ItemProcessor: inline({ I: { ...PASS, Assign: { x: 2 } } }), ...END },
    }),
    '/States/M/ItemProcessor/States/I/Assign/x',
  ],
  [
    'a variable of a sibling branch',
    machine({
      P: {
        Type: 'Parallel',
        Branches: [flow({ A: { ...PASS, Assign: { x: 1 } } }), flow({ B: { ...PASS, Output: '{% $x %}' } })],
        ...END,
      },
    }),
    '/States/P/Branches/1/States/B/Output',
  ],
  [
    'an outer variable in a distributed child',
    machine({
      A: { Type: 'Pass', Assign: { x: 1 }, Next: 'M' },
      M: {
        Type: 'Map',
        Items: [],
        ItemProcessor: distributed({ I: { ...PASS, Output: '{% $x %}' } }),
        ...END,
      },
    }),
    '/States/M/ItemProcessor/States/I/Output',
  ],
  ['Retry that is not a list', task({ Retry: {} }), '/States/A/Retry'],
  ['no ErrorEquals', retry({}), '/States/A/Retry/0/ErrorEquals'],
  ['an empty ErrorEquals', retry({ ErrorEquals: [] }), '/States/A/Retry/0/ErrorEquals'],
  ['an unknown States.* name', retry({ ErrorEquals: ['States.Nope'] }), '/States/A/Retry/0/ErrorEquals/0'],
  [
    'States.Runtime, which never matches',
    retry({ ErrorEquals: ['States.Runtime'] }),
    '/States/A/Retry/0/ErrorEquals/0',
  ],
  [
    'States.NoChoiceMatched, which never matches',
    retry({ ErrorEquals: ['States.NoChoiceMatched'] }),
    '/States/A/Retry/0/ErrorEquals/0',
  ],
  ['States.ALL beside another', retry({ ErrorEquals: ['States.ALL', 'E'] }), '/States/A/Retry/0/ErrorEquals'],
  [
    'States.ALL not last',
    retry({ ErrorEquals: ['States.ALL'] }, { ErrorEquals: ['E'] }),
    '/States/A/Retry/0/ErrorEquals',
  ],
  ['an unknown field of Retry', retry({ ErrorEquals: ['E'], Wait: 1 }), '/States/A/Retry/0/Wait'],
  [
    'a MaxAttempts that is an expression',
    retry({ ErrorEquals: ['E'], MaxAttempts: '{% 3 %}' }),
    '/States/A/Retry/0/MaxAttempts',
  ],
  [
    'IntervalSeconds 0',
    retry({ ErrorEquals: ['E'], IntervalSeconds: 0 }),
    '/States/A/Retry/0/IntervalSeconds',
  ],
  ['BackoffRate 0.5', retry({ ErrorEquals: ['E'], BackoffRate: 0.5 }), '/States/A/Retry/0/BackoffRate'],
  [
    'MaxDelaySeconds not above IntervalSeconds',
    retry({ ErrorEquals: ['E'], IntervalSeconds: 3, MaxDelaySeconds: 3 }),
    '/States/A/Retry/0/MaxDelaySeconds',
  ],
  [
    'an unknown JitterStrategy',
    retry({ ErrorEquals: ['E'], JitterStrategy: 'HALF' }),
    '/States/A/Retry/0/JitterStrategy',
  ],
  [
    'an unknown field of Catch',
    task({ Catch: [{ ErrorEquals: ['E'], Next: 'A', ResultPath: '$' }] }),
    '/States/A/Catch/0/ResultPath',
  ],
  ['Catch without Next', task({ Catch: [{ ErrorEquals: ['E'] }] }), ''],
  ['Wait without a duration', machine({ A: { Type: 'Wait', ...END } }), '/States/A'],
  [
    'Wait with two durations',
    machine({ A: { Type: 'Wait', Seconds: 1, Timestamp: '2026-01-01T00:00:00Z', ...END } }),
    '/States/A',
  ],
  ['Wait with negative Seconds', machine({ A: { Type: 'Wait', Seconds: -1, ...END } }), '/States/A/Seconds'],
  [
    'a Timestamp without a zone',
    machine({ A: { Type: 'Wait', Timestamp: '2026-01-01T00:00:00', ...END } }),
    '/States/A/Timestamp',
  ],
  [
    'Choice without rules',
    machine({ C: { Type: 'Choice', Choices: [], Default: 'S' }, S: { Type: 'Succeed' } }),
    '/States/C/Choices',
  ],
  [
    'a Condition that is not an expression',
    machine({
      C: { Type: 'Choice', Choices: [{ Condition: true, Next: 'S' }], Default: 'S' },
      S: { Type: 'Succeed' },
    }),
    '/States/C/Choices/0/Condition',
  ],
  [
    'a rule of JSONPath',
    machine({
      C: { Type: 'Choice', Choices: [{ Condition: '{% true %}', Variable: '$.x', Next: 'S' }] },
      S: { Type: 'Succeed' },
    }),
    '/States/C/Choices/0/Variable',
  ],
  [
    'End of a Choice',
    machine({
      C: { Type: 'Choice', Choices: [{ Condition: '{% true %}', Next: 'S' }], ...END },
      S: { Type: 'Succeed' },
    }),
    '/States/C/End',
  ],
  ['Next of a Fail', machine({ A: { Type: 'Fail', Next: 'B' }, B: PASS }), ''],
  ['Error that is a number', machine({ A: { Type: 'Fail', Error: 1 } }), '/States/A/Error'],
  [
    'Parallel without branches',
    machine({ P: { Type: 'Parallel', Branches: [], ...END } }),
    '/States/P/Branches',
  ],
  [
    'an unknown field of a branch',
    machine({ P: { Type: 'Parallel', Branches: [flow({ A: PASS }, { Extra: 1 })], ...END } }),
    '/States/P/Branches/0/Extra',
  ],
  ['Map without ItemProcessor', machine({ M: { Type: 'Map', ...END } }), ''],
  ['Iterator', map({ Iterator: inline({ X: PASS }) }), '/States/M/Iterator'],
  ['ItemsPath', map({ ItemsPath: '$.x' }), '/States/M/ItemsPath'],
  ['Items that is an object', map({ Items: {} }), '/States/M/Items'],
  ['a negative MaxConcurrency', map({ MaxConcurrency: -1 }), '/States/M/MaxConcurrency'],
  [
    'an unknown mode',
    map({}, flow({ I: PASS }, { ProcessorConfig: { Mode: 'REMOTE' } })),
    '/States/M/ItemProcessor/ProcessorConfig/Mode',
  ],
  [
    'DISTRIBUTED without ExecutionType',
    map({}, flow({ I: PASS }, { ProcessorConfig: { Mode: 'DISTRIBUTED' } })),
    '/States/M/ItemProcessor/ProcessorConfig/ExecutionType',
  ],
  [
    'ExecutionType of an INLINE map',
    map({}, flow({ I: PASS }, { ProcessorConfig: { Mode: 'INLINE', ExecutionType: 'EXPRESS' } })),
    '/States/M/ItemProcessor/ProcessorConfig/ExecutionType',
  ],
  ['ItemReader on INLINE', map({ ItemReader: {} }), '/States/M/ItemReader'],
  ['ItemBatcher on INLINE', map({ ItemBatcher: { MaxItemsPerBatch: 1 } }), '/States/M/ItemBatcher'],
  ['ToleratedFailureCount on INLINE', map({ ToleratedFailureCount: 1 }), '/States/M/ToleratedFailureCount'],
  [
    'a percentage over 100',
    spread({ ToleratedFailurePercentage: 101 }),
    '/States/M/ToleratedFailurePercentage',
  ],
  ['a Label of 41 characters', spread({ Label: 'x'.repeat(41) }), '/States/M/Label'],
  ['a bad InputType', reader({ InputType: 'XML' }), '/States/M/ItemReader/ReaderConfig/InputType'],
  ['no InputType', reader({}), '/States/M/ItemReader/ReaderConfig'],
  ['PARQUET', reader({ InputType: 'PARQUET' }), '/States/M/ItemReader/ReaderConfig/InputType'],
  ['CSV without CSVHeaderLocation', reader({ InputType: 'CSV' }), '/States/M/ItemReader/ReaderConfig'],
  [
    'CSVHeaders without GIVEN',
    reader({ InputType: 'CSV', CSVHeaderLocation: 'FIRST_ROW', CSVHeaders: ['a'] }),
    '/States/M/ItemReader/ReaderConfig/CSVHeaders',
  ],
  [
    'GIVEN without CSVHeaders',
    reader({ InputType: 'CSV', CSVHeaderLocation: 'GIVEN' }),
    '/States/M/ItemReader/ReaderConfig/CSVHeaders',
  ],
  [
    'CSVDelimiter for JSON',
    reader({ InputType: 'JSON', CSVDelimiter: 'TAB' }),
    '/States/M/ItemReader/ReaderConfig/CSVDelimiter',
  ],
  [
    'an unknown field of ReaderConfig',
    reader({ InputType: 'JSON', ItemsPointer: '/x' }),
    '/States/M/ItemReader/ReaderConfig/ItemsPointer',
  ],
  [
    'an Athena manifest',
    reader({ InputType: 'MANIFEST', ManifestType: 'ATHENA_DATA' }),
    '/States/M/ItemReader/ReaderConfig/ManifestType',
  ],
  [
    'an unknown reader',
    spread({
      ItemReader: {
        Resource: 'arn:aws:states:::dynamodb:scan',
        Arguments: { Bucket: 'b', Key: 'k' },
        ReaderConfig: { InputType: 'JSON' },
      },
    }),
    '/States/M/ItemReader/Resource',
  ],
  [
    'a VersionId',
    reader({ InputType: 'JSON' }, { Arguments: { Bucket: 'b', Key: 'k', VersionId: 'v' } }),
    '/States/M/ItemReader/Arguments/VersionId',
  ],
  [
    'a reader without Key',
    reader({ InputType: 'JSON' }, { Arguments: { Bucket: 'b' } }),
    '/States/M/ItemReader/Arguments',
  ],
  [
    'Items beside ItemReader',
    spread({
      Items: [],
      ItemReader: {
        Resource: GET,
        Arguments: { Bucket: 'b', Key: 'k' },
        ReaderConfig: { InputType: 'JSON' },
      },
    }),
    '/States/M/Items',
  ],
  ['an empty ItemBatcher', spread({ ItemBatcher: {} }), '/States/M/ItemBatcher'],
  [
    'MaxInputBytesPerBatch over 256 KiB',
    spread({ ItemBatcher: { MaxInputBytesPerBatch: 262_145 } }),
    '/States/M/ItemBatcher/MaxInputBytesPerBatch',
  ],
  ['an empty ResultWriter', writer({}), '/States/M/ResultWriter'],
  [
    'a ResultWriter without a place',
    writer({ Resource: 'arn:aws:states:::s3:putObject' }),
    '/States/M/ResultWriter',
  ],
  [
    'an unknown Transformation',
    writer({ WriterConfig: { Transformation: 'ZIP' } }),
    '/States/M/ResultWriter/WriterConfig/Transformation',
  ],
  [
    'a distributed map in an EXPRESS child',
    map({}, distributed({ N: { Type: 'Map', ItemProcessor: distributed({ I: PASS }), ...END } }, 'EXPRESS')),
    '/States/M/ItemProcessor/States/N/ItemProcessor/ProcessorConfig',
  ],
  [
    '.sync in an EXPRESS child',
    map(
      {},
      distributed(
        { I: { Type: 'Task', Resource: 'arn:aws:states:::glue:startJobRun.sync', ...END } },
        'EXPRESS',
      ),
    ),
    '/States/M/ItemProcessor/States/I/Resource',
  ],
]

describe('what is refused when the definition is loaded', () => {
  it.each(REFUSED)('%s', (_what, definition, path) => {
    const found = findings(definition)
    expect(found.length).toBeGreaterThan(0)
    // A mistake that cannot stand alone (a missing Next also leaves a state unreachable) has no path here.
    if (path !== '') expect(found.map((f) => f.slice(0, f.indexOf(':')))).toEqual([path])
  })

  it('reports everything at once, with paths in JSON pointer form', () => {
    const bad = machine({ 'a/b~c': { Type: 'Pass', Extra: 1, Output: '{% $x %}', ...END } }, { Other: 1 })
    expect(findings(bad).map((f) => f.slice(0, f.indexOf(':')))).toEqual([
      '/Other',
      '/States/a~1b~0c/Extra',
      '/States/a~1b~0c/Output',
    ])
  })

  it('says that a field belongs to JSONPath', () => {
    expect(findings(task({ ResultPath: '$' }))).toEqual([
      '/States/A/ResultPath: "ResultPath" belongs to JSONPath; this machine uses JSONata',
    ])
  })
})

describe('what is accepted', () => {
  it('text, and a value that stays as it is', () => {
    const definition = task({ Resource: placeholder('Fn') })
    const before = structuredClone(definition)
    expect(
      loadStateMachine(JSON.stringify(definition), { substitutions: { Fn: 'x' } }).tasks[0]?.resource,
    ).toBe('x')
    loadStateMachine(definition, { substitutions: { Fn: 'y' } })
    expect(definition).toEqual(before)
  })

  it('substitutions everywhere in strings; one that is missing is refused with its place', () => {
    const definition = task({
      Resource: `arn:${placeholder('AWS::Partition')}:x:${placeholder('Fn')}`,
      Arguments: { a: [placeholder('B')] },
    })
    expect(findings(definition, { 'AWS::Partition': 'aws', Fn: 'f', B: 'b' })).toEqual([])
    expect(findings(definition, { 'AWS::Partition': 'aws', Fn: 'f' })).toEqual([
      `/States/A/Arguments/a/0: ${placeholder('B')} has no substitution`,
    ])
  })

  it('the same variable name in sibling flows, and in a distributed child', () => {
    const branch = (name: string) => flow({ [name]: { ...PASS, Assign: { x: 1 } } })
    expect(
      findings(machine({ P: { Type: 'Parallel', Branches: [branch('A'), branch('B')], ...END } })),
    ).toEqual([])
    const child = distributed({ I: { ...PASS, Assign: { x: 2 } } })
    const outer = {
      A: { Type: 'Pass', Assign: { x: 1 }, Next: 'M' },
      M: { Type: 'Map', Items: [], ItemProcessor: child, ...END },
    }
    expect(findings(machine(outer))).toEqual([])
  })

  it('variables that the expression itself defines', () => {
    const output =
      '{% ($f := function($a, $b){ $a + $b }; $reduce([1, 2], $f) + $map([1], function($v, $i){ $i })) %}'
    expect(findings(machine({ A: { ...PASS, Output: output } }))).toEqual([])
    expect(
      findings(machine({ A: { ...PASS, Output: '{% $states.input.a@$x.b#$i.{"x": $x, "i": $i} %}' } })),
    ).toEqual([])
  })
})
