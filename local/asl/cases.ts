import { flow, type Handler, inline, machine, named } from './test-kit.ts'

/** One small machine: what it is given and what must come of it. */
export interface Case {
  readonly title: string
  readonly definition: Record<string, unknown>
  readonly input?: unknown
  readonly handlers?: () => Readonly<Record<string, Handler>>
  readonly output?: unknown
  readonly error?: string
  readonly cause?: string
  /** Event types of the execution. */
  readonly history?: readonly string[]
  /** Delays of the clock in seconds, in order. */
  readonly delays?: readonly number[]
}

const END = { End: true }
const echo: Handler = (input) => input
/** Fails `times` times, then gives the number of the attempt. */
const failing = (times: number, error: string): Handler => {
  let calls = 0
  return () => {
    calls += 1
    if (calls <= times) throw named(error)
    return calls
  }
}
const always = (error: string): (() => Record<string, Handler>) => {
  return () => ({ work: failing(1e9, error) })
}
const task = (more: Record<string, unknown> = END) => ({ Type: 'Task', Resource: 'work', ...more })
const run = (...inner: string[]) => ['ExecutionStarted', ...inner, 'ExecutionSucceeded']
const fails = (...inner: string[]) => ['ExecutionStarted', ...inner, 'ExecutionFailed']
const PASS = ['PassStateEntered', 'PassStateExited']
const TASK = ['TaskScheduled', 'TaskStarted', 'TaskSucceeded']
const BAD = ['TaskScheduled', 'TaskStarted', 'TaskFailed']

export const CASES: readonly Case[] = [
  {
    title: 'Pass gives its input',
    definition: machine({ A: { Type: 'Pass', ...END } }),
    input: { a: [1, { b: null }] },
    output: { a: [1, { b: null }] },
    history: run(...PASS),
  },
  {
    title: 'Output is a template of literals and expressions',
    definition: machine({
      A: {
        Type: 'Pass',
        Output: { n: 1, list: ['x', '{% $states.input.a %}', { d: true }], s: 'plain' },
        ...END,
      },
    }),
    input: { a: { b: 2 } },
    output: { n: 1, list: ['x', { b: 2 }, { d: true }], s: 'plain' },
  },
  {
    title: 'an expression that selects one item of a list gives the item, [] keeps the list',
    definition: machine({
      A: {
        Type: 'Pass',
        Output: { one: "{% $states.input.l[k='a'].v %}", list: "{% $states.input.l[k='a'].v[] %}" },
        ...END,
      },
    }),
    input: {
      l: [
        { k: 'a', v: 1 },
        { k: 'b', v: 2 },
      ],
    },
    output: { one: 1, list: [1] },
  },
  {
    title: 'nothing is an error that names the field',
    definition: machine({ A: { Type: 'Pass', Output: { v: '{% $states.input.missing %}' }, ...END } }),
    error: 'States.QueryEvaluationError',
    cause:
      "An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression " +
      "'$states.input.missing' specified for the field 'Output/v' returned nothing (undefined).",
    history: fails('PassStateEntered', 'EvaluationFailed'),
  },
  {
    title: 'a function is not a value',
    definition: machine({ A: { Type: 'Pass', Output: '{% function($x){ $x } %}', ...END } }),
    error: 'States.QueryEvaluationError',
  },
  {
    title: 'a throwing expression is an error with the code of the query language',
    definition: machine({ A: { Type: 'Pass', Output: "{% 1 + 'a' %}", ...END } }),
    error: 'States.QueryEvaluationError',
    cause:
      "An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression " +
      "'1 + 'a'' specified for the field 'Output' threw an error during evaluation. T2002: The right side of the " +
      '"+" operator must evaluate to a number',
  },
  {
    title: 'Assign and Output both see the old values',
    definition: machine({
      A: { Type: 'Pass', Assign: { x: 1 }, Next: 'B' },
      B: { Type: 'Pass', Assign: { x: '{% $x + 1 %}', y: '{% $x %}' }, Output: '{% $x %}', Next: 'C' },
      C: { Type: 'Pass', Output: '{% [$states.input, $x, $y] %}', ...END },
    }),
    output: [1, 2, 1],
  },
  {
    title: 'a variable may hide a function',
    definition: machine({
      A: { Type: 'Pass', Assign: { count: 42 }, Next: 'B' },
      B: { Type: 'Pass', Output: '{% $count + $sum([1]) %}', ...END },
    }),
    output: 43,
  },
  {
    title: 'a Task gives its result',
    definition: machine({ A: task() }),
    input: { a: 1 },
    handlers: () => ({ work: echo }),
    output: { a: 1 },
    history: run('TaskStateEntered', ...TASK, 'TaskStateExited'),
  },
  {
    title: 'Arguments, result, Assign and Output of a Task',
    definition: machine({
      A: task({
        Arguments: { n: '{% $states.input.n * 2 %}', fixed: true },
        Assign: { got: '{% $states.result.n %}' },
        Output: '{% $states.result.n + $states.input.n %}',
        Next: 'B',
      }),
      B: { Type: 'Pass', Output: '{% [$states.input, $got] %}', ...END },
    }),
    input: { n: 5 },
    handlers: () => ({ work: echo }),
    output: [15, 10],
  },
  {
    title: 'the error of a handler is its name, the Cause is Lambda JSON',
    definition: machine({
      A: task({ Catch: [{ ErrorEquals: ['Boom'], Next: 'B' }], ...END }),
      B: {
        Type: 'Pass',
        Output: '{% $parse($states.input.Cause).[errorType, errorMessage, $type(trace)] %}',
        ...END,
      },
    }),
    handlers: always('Boom'),
    output: ['Boom', 'no', 'array'],
    history: run('TaskStateEntered', ...BAD, 'TaskStateExited', ...PASS),
  },
  {
    title: 'an error nobody catches ends the execution',
    definition: machine({ A: task() }),
    handlers: always('Boom'),
    error: 'Boom',
    history: fails('TaskStateEntered', ...BAD),
  },
  {
    title: 'a handler cannot claim a reserved name',
    definition: machine({ A: task() }),
    handlers: always('States.DataLimitExceeded'),
    error: 'States.TaskFailed',
  },
  {
    title: 'Retry waits 1, 2, 4 seconds by default, then gives up',
    definition: machine({ A: task({ Retry: [{ ErrorEquals: ['States.ALL'] }], ...END }) }),
    handlers: always('Boom'),
    error: 'Boom',
    delays: [1, 2, 4],
    history: fails('TaskStateEntered', ...BAD, ...BAD, ...BAD, ...BAD),
  },
  {
    title: 'Retry succeeds in the end; RetryCount is in the context',
    definition: machine({
      A: task({
        Retry: [{ ErrorEquals: ['Flaky'], IntervalSeconds: 3, BackoffRate: 1, MaxAttempts: 5 }],
        Output: '{% [$states.result, $states.context.State.RetryCount] %}',
        ...END,
      }),
    }),
    handlers: () => ({ work: failing(2, 'Flaky') }),
    output: [3, 2],
    delays: [3, 3],
  },
  {
    title: 'MaxDelaySeconds caps the growth, FULL jitter draws below it',
    definition: machine({
      A: task({
        Retry: [
          { ErrorEquals: ['Flaky'], IntervalSeconds: 2, BackoffRate: 3, MaxDelaySeconds: 10, MaxAttempts: 4 },
        ],
        Next: 'B',
      }),
      B: task({ Retry: [{ ErrorEquals: ['Flaky'], IntervalSeconds: 8, JitterStrategy: 'FULL' }], ...END }),
    }),
    handlers: () => {
      const work = [failing(4, 'Flaky'), failing(1, 'Flaky')]
      return { work: (input, context) => work[context.stateName === 'A' ? 0 : 1]?.(input, context) }
    },
    output: 2,
    delays: [2, 6, 10, 10, 4],
  },
  {
    title: 'MaxAttempts 0 never retries',
    definition: machine({
      A: task({
        Retry: [{ ErrorEquals: ['Boom'], MaxAttempts: 0 }, { ErrorEquals: ['States.ALL'] }],
        ...END,
      }),
    }),
    handlers: always('Boom'),
    error: 'Boom',
    delays: [],
  },
  {
    title: 'each retrier counts for itself',
    definition: machine({
      A: task({
        Retry: [
          { ErrorEquals: ['One'], MaxAttempts: 1, IntervalSeconds: 1 },
          { ErrorEquals: ['Two'], MaxAttempts: 2, IntervalSeconds: 5, BackoffRate: 1 },
        ],
        ...END,
      }),
    }),
    handlers: () => {
      const errors = ['Two', 'One', 'Two', 'One']
      return {
        work: () => {
          throw named(errors.shift() ?? 'None')
        },
      }
    },
    error: 'One',
    delays: [5, 1, 5],
  },
  {
    title: 'retry counters start anew when the state is entered again',
    definition: machine({
      A: task({
        Retry: [{ ErrorEquals: ['Boom'], MaxAttempts: 1 }],
        Catch: [{ ErrorEquals: ['Boom'], Next: 'C' }],
        ...END,
      }),
      C: {
        Type: 'Choice',
        Choices: [{ Condition: "{% $states.input.again = 'no' %}", Next: 'D' }],
        Default: 'B',
      },
      B: { Type: 'Pass', Output: { again: 'no' }, Next: 'A2' },
      A2: { Type: 'Pass', Next: 'A3' },
      A3: {
        Type: 'Choice',
        Choices: [{ Condition: '{% $states.context.Execution.Input.twice %}', Next: 'A' }],
        Default: 'D',
      },
      D: { Type: 'Succeed' },
    }),
    input: { twice: true },
    handlers: () => ({ work: failing(3, 'Boom') }),
    output: 4,
    delays: [1, 1],
  },
  {
    title: 'Catch: the first that matches; Output and Assign see errorOutput',
    definition: machine({
      A: task({
        Catch: [
          { ErrorEquals: ['Other'], Next: 'B' },
          {
            ErrorEquals: ['States.TaskFailed'],
            Next: 'B',
            Assign: { name: '{% $states.errorOutput.Error %}' },
            Output: '{% $states.input %}',
          },
        ],
        ...END,
      }),
      B: { Type: 'Pass', Output: '{% [$states.input.k, $name] %}', ...END },
    }),
    input: { k: 'v' },
    handlers: always('Boom'),
    output: ['v', 'Boom'],
  },
  {
    title: 'the Output of a Catch that fails is not caught by the same state',
    definition: machine({
      A: task({
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'B', Output: '{% $states.input.missing %}' }],
        ...END,
      }),
      B: { Type: 'Succeed' },
    }),
    handlers: always('Boom'),
    error: 'States.QueryEvaluationError',
  },
  {
    title: 'a failed expression in Arguments is retried and caught like any error',
    definition: machine({
      A: task({
        Arguments: { a: '{% $states.input.missing %}' },
        Retry: [{ ErrorEquals: ['States.QueryEvaluationError'], MaxAttempts: 1 }],
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'B', Output: '{% $states.errorOutput.Error %}' }],
        ...END,
      }),
      B: { Type: 'Succeed' },
    }),
    handlers: () => ({ work: echo }),
    output: 'States.QueryEvaluationError',
    history: run(
      'TaskStateEntered',
      'EvaluationFailed',
      'EvaluationFailed',
      'TaskStateExited',
      'SucceedStateEntered',
      'SucceedStateExited',
    ),
  },
  {
    title: 'a task over its TimeoutSeconds: States.Timeout, with an empty Cause',
    definition: machine({
      A: task({ TimeoutSeconds: 5, Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'B' }], ...END }),
      B: { Type: 'Succeed' },
    }),
    handlers: () => ({ work: () => new Promise(() => {}) }),
    output: { Error: 'States.Timeout', Cause: '' },
    delays: [5],
    history: run(
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
      'TaskTimedOut',
      'TaskStateExited',
      'SucceedStateEntered',
      'SucceedStateExited',
    ),
  },
  {
    title: 'States.TaskFailed does not match a timeout, States.ALL does',
    definition: machine({
      A: task({
        TimeoutSeconds: '{% $states.input.seconds %}',
        Catch: [
          { ErrorEquals: ['States.TaskFailed'], Next: 'B', Output: 'wrong' },
          { ErrorEquals: ['States.ALL'], Next: 'B', Output: 'right' },
        ],
        ...END,
      }),
      B: { Type: 'Succeed' },
    }),
    input: { seconds: 2 },
    handlers: () => ({ work: () => new Promise(() => {}) }),
    output: 'right',
  },
  {
    title: 'a missed heartbeat matches States.HeartbeatTimeout',
    definition: machine({
      A: task({
        TimeoutSeconds: 100,
        HeartbeatSeconds: 5,
        Catch: [{ ErrorEquals: ['States.HeartbeatTimeout'], Next: 'B' }],
        ...END,
      }),
      B: { Type: 'Succeed' },
    }),
    handlers: () => ({ work: () => new Promise(() => {}) }),
    output: { Error: 'States.Timeout', Cause: '' },
  },
  {
    title: 'a TimeoutSeconds that is not a positive integer is an error of the expression',
    definition: machine({ A: task({ TimeoutSeconds: '{% $states.input.seconds %}', ...END }) }),
    input: { seconds: 0 },
    handlers: () => ({ work: echo }),
    error: 'States.QueryEvaluationError',
  },
  {
    title: 'Choice takes the first rule that is true; the rule has its own Assign and Output',
    definition: machine({
      C: {
        Type: 'Choice',
        Choices: [
          { Condition: '{% $states.input.n < 0 %}', Next: 'D' },
          {
            Condition: '{% $states.input.n > 1 %}',
            Next: 'D',
            Assign: { v: 'rule' },
            Output: "{% 'ruled' %}",
          },
          { Condition: '{% $states.input.n > 0 %}', Next: 'D' },
        ],
        Assign: { v: 'default' },
        Output: "{% 'defaulted' %}",
        Default: 'D',
      },
      D: { Type: 'Pass', Output: '{% [$states.input, $v] %}', ...END },
    }),
    input: { n: 2 },
    output: ['ruled', 'rule'],
    history: run('ChoiceStateEntered', 'ChoiceStateExited', ...PASS),
  },
  {
    title: "Choice's own Assign and Output belong to Default",
    definition: machine({
      C: {
        Type: 'Choice',
        Choices: [{ Condition: '{% $states.input.n > 1 %}', Next: 'D', Assign: { v: 'rule' } }],
        Assign: { v: 'default' },
        Output: "{% 'defaulted' %}",
        Default: 'D',
      },
      D: { Type: 'Pass', Output: '{% [$states.input, $v] %}', ...END },
    }),
    input: { n: 0 },
    output: ['defaulted', 'default'],
  },
  {
    title: 'no rule and no Default: States.Runtime, which nothing catches',
    definition: machine({
      P: {
        Type: 'Parallel',
        Branches: [
          flow({
            C: { Type: 'Choice', Choices: [{ Condition: '{% false %}', Next: 'D' }] },
            D: { Type: 'Succeed' },
          }),
        ],
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }],
        ...END,
      },
      Caught: { Type: 'Succeed' },
    }),
    error: 'States.Runtime',
    cause:
      "An error occurred while executing the state 'C' (entered at the event id #4). Failed to transition out of " +
      'the state. The state does not point to a next state.',
    history: fails('ParallelStateEntered', 'ParallelStateStarted', 'ChoiceStateEntered'),
  },
  {
    title: 'a Condition must be a boolean',
    definition: machine({
      C: { Type: 'Choice', Choices: [{ Condition: '{% 1 %}', Next: 'D' }], Default: 'D' },
      D: { Type: 'Succeed' },
    }),
    error: 'States.QueryEvaluationError',
    cause:
      "An error occurred while executing the state 'C' (entered at the event id #2). The JSONata expression '1' " +
      "specified for the field 'Choices[0]/Condition' returned an unexpected result type. Expected 'boolean', but " +
      "was 'number' for value: 1",
  },
  {
    title: 'Wait by Seconds, from a variable, and by Timestamp',
    definition: machine({
      A: { Type: 'Wait', Seconds: 7, Assign: { s: 3 }, Next: 'B' },
      B: { Type: 'Wait', Seconds: '{% $s %}', Next: 'C' },
      C: { Type: 'Wait', Timestamp: '2026-01-01T00:01:00Z', Next: 'D' },
      D: { Type: 'Wait', Timestamp: '{% $states.input.at %}', Output: "{% 'done' %}", ...END },
    }),
    input: { at: '2026-01-01T01:02:00+01:00' },
    output: 'done',
    delays: [7, 3, 50, 60],
  },
  {
    title: 'a Timestamp in the past does not wait',
    definition: machine({ A: { Type: 'Wait', Timestamp: '2020-01-01T00:00:00Z', ...END } }),
    output: {},
    delays: [0],
  },
  {
    title: 'a Timestamp without a zone is an error',
    definition: machine({ A: { Type: 'Wait', Timestamp: '{% $states.input.at %}', ...END } }),
    input: { at: '2016-12-05T21:29:29' },
    error: 'States.QueryEvaluationError',
    cause:
      "An error occurred while executing the state 'A' (entered at the event id #2). The Timestamp field cannot be " +
      'parsed as an ISO-8601 extended offset date-time format string: 2016-12-05T21:29:29',
  },
  {
    title: 'Seconds must not be negative',
    definition: machine({ A: { Type: 'Wait', Seconds: '{% -1 %}', ...END } }),
    error: 'States.QueryEvaluationError',
  },
  {
    title: 'Fail with expressions',
    definition: machine({ A: { Type: 'Fail', Error: "{% 'E' & $states.input.n %}", Cause: 'because' } }),
    input: { n: 1 },
    error: 'E1',
    cause: 'because',
    history: fails('FailStateEntered'),
  },
  {
    title: 'Fail without Error and Cause',
    definition: machine({ A: { Type: 'Fail' } }),
    history: fails('FailStateEntered'),
  },
  {
    title: 'Error of Fail must be a string',
    definition: machine({ A: { Type: 'Fail', Error: '{% 1 %}' } }),
    error: 'States.QueryEvaluationError',
  },
  {
    title: 'Succeed with Output',
    definition: machine({ A: { Type: 'Succeed', Output: '{% $states.input.a %}' } }),
    input: { a: 0 },
    output: 0,
    history: run('SucceedStateEntered', 'SucceedStateExited'),
  },
  {
    title: 'Parallel: the branches share the input, the result is in their order',
    definition: machine({
      P: {
        Type: 'Parallel',
        Arguments: { n: '{% $states.input.n + 1 %}' },
        Branches: [
          flow({
            A: { Type: 'Wait', Seconds: 9, Next: 'A2' },
            A2: { Type: 'Pass', Output: '{% $states.input.n %}', ...END },
          }),
          flow({ B: { Type: 'Pass', Output: '{% $states.input.n * 10 %}', ...END } }),
        ],
        Output: '{% $states.result %}',
        ...END,
      },
    }),
    input: { n: 1 },
    output: [2, 20],
  },
  {
    title: 'branches read outer variables and keep their own',
    definition: machine({
      A: { Type: 'Pass', Assign: { outer: 1 }, Next: 'P' },
      P: {
        Type: 'Parallel',
        Branches: [
          flow({
            B1: { Type: 'Pass', Assign: { own: '{% $outer + 1 %}' }, Next: 'B2' },
            B2: { Type: 'Pass', Output: '{% [$outer, $own] %}', ...END },
          }),
          flow({
            C1: { Type: 'Pass', Assign: { own: 'c' }, Next: 'C2' },
            C2: { Type: 'Pass', Output: '{% $own %}', ...END },
          }),
        ],
        ...END,
      },
    }),
    output: [[1, 2], 'c'],
  },
  {
    title: 'a failing branch fails the Parallel with its own error; the others are aborted',
    definition: machine({
      P: {
        Type: 'Parallel',
        Branches: [flow({ A: task() }), flow({ B: { Type: 'Wait', Seconds: 50, ...END } })],
        Catch: [{ ErrorEquals: ['Boom'], Next: 'Done', Output: '{% $states.errorOutput.Error %}' }],
        ...END,
      },
      Done: { Type: 'Succeed' },
    }),
    handlers: always('Boom'),
    output: 'Boom',
    history: run(
      'ParallelStateEntered',
      'ParallelStateStarted',
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
      'WaitStateEntered',
      'TaskFailed',
      'TaskStateAborted',
      'WaitStateAborted',
      'ParallelStateFailed',
      'ParallelStateExited',
      'SucceedStateEntered',
      'SucceedStateExited',
    ),
  },
  {
    title: 'a retried Parallel starts all its branches again',
    definition: machine({
      P: {
        Type: 'Parallel',
        Branches: [flow({ Boom: { Type: 'Fail', Error: 'MyError', Cause: 'my cause' } })],
        Retry: [{ ErrorEquals: ['States.ALL'], MaxAttempts: 1 }],
        ...END,
      },
    }),
    error: 'MyError',
    cause: 'my cause',
    history: fails(
      'ParallelStateEntered',
      'ParallelStateStarted',
      'FailStateEntered',
      'ParallelStateStarted',
      'FailStateEntered',
      'ParallelStateFailed',
    ),
  },
  {
    title: 'Map over its input',
    definition: machine({
      M: { Type: 'Map', ItemProcessor: inline({ I: { Type: 'Pass', ...END } }), ...END },
    }),
    input: [1, 'a', null],
    output: [1, 'a', null],
  },
  {
    title: 'one iteration after the other: the history of a Map',
    definition: machine({
      M: {
        Type: 'Map',
        MaxConcurrency: 1,
        Items: '{% $states.input.items %}',
        ItemProcessor: inline({ I: { Type: 'Pass', ...END } }),
        ...END,
      },
    }),
    input: { items: [1, 2] },
    output: [1, 2],
    history: run(
      'MapStateEntered',
      'MapStateStarted',
      'MapIterationStarted',
      ...PASS,
      'MapIterationSucceeded',
      'MapIterationStarted',
      ...PASS,
      'MapIterationSucceeded',
      'MapStateSucceeded',
      'MapStateExited',
    ),
  },
  {
    title: 'Map over nothing',
    definition: machine({
      M: { Type: 'Map', Items: [], ItemProcessor: inline({ I: { Type: 'Pass', ...END } }), ...END },
    }),
    output: [],
    history: run('MapStateEntered', 'MapStateStarted', 'MapStateSucceeded', 'MapStateExited'),
  },
  {
    title: 'ItemSelector sees the item, its index, the input of the Map and the variables',
    definition: machine({
      A: { Type: 'Pass', Assign: { v: 'x' }, Next: 'M' },
      M: {
        Type: 'Map',
        Items: '{% $states.input.items %}',
        ItemSelector: {
          i: '{% $states.context.Map.Item.Index %}',
          it: '{% $states.context.Map.Item.Value %}',
          k: '{% $states.input.k %}',
          v: '{% $v %}',
        },
        ItemProcessor: inline({ I: { Type: 'Pass', ...END } }),
        Output: '{% $states.result %}',
        ...END,
      },
    }),
    input: { items: ['a', 'b'], k: 9 },
    output: [
      { i: 0, it: 'a', k: 9, v: 'x' },
      { i: 1, it: 'b', k: 9, v: 'x' },
    ],
  },
  {
    title: 'Items must be a list',
    definition: machine({
      M: {
        Type: 'Map',
        Items: "{% {'foo': 'bar'} %}",
        ItemProcessor: inline({ I: { Type: 'Pass', ...END } }),
        ...END,
      },
    }),
    error: 'States.QueryEvaluationError',
    cause:
      "An error occurred while executing the state 'M' (entered at the event id #2). The JSONata expression " +
      "'{'foo': 'bar'}' specified for the field 'Items' returned an unexpected result type. Expected 'array', but " +
      'was \'object\' for value: {"foo":"bar"}',
    history: fails('MapStateEntered', 'EvaluationFailed', 'MapStateFailed'),
  },
  {
    title: 'a Map without Items needs a list as its input',
    definition: machine({
      M: { Type: 'Map', ItemProcessor: inline({ I: { Type: 'Pass', ...END } }), ...END },
    }),
    input: { foo: 'bar' },
    error: 'States.QueryEvaluationError',
    cause:
      "An error occurred while executing the state 'M' (entered at the event id #2). Map state input must be an " +
      'array but was: {"foo":"bar"}',
  },
  {
    title: 'a failing iteration fails the Map',
    definition: machine({
      M: {
        Type: 'Map',
        MaxConcurrency: 1,
        Items: '{% $states.input.items %}',
        ItemProcessor: inline({ I: { Type: 'Pass', Output: { v: '{% $states.input.missing %}' }, ...END } }),
        ...END,
      },
    }),
    input: { items: [1, 2] },
    error: 'States.QueryEvaluationError',
    cause:
      "An error occurred while executing the state 'I' (entered at the event id #5). The JSONata expression " +
      "'$states.input.missing' specified for the field 'Output/v' returned nothing (undefined).",
    history: fails(
      'MapStateEntered',
      'MapStateStarted',
      'MapIterationStarted',
      'PassStateEntered',
      'EvaluationFailed',
      'MapIterationFailed',
      'MapStateFailed',
    ),
  },
  {
    title: 'a task that fails aborts its iteration and the others',
    definition: machine({
      M: {
        Type: 'Map',
        MaxConcurrency: 2,
        Items: [1, 2],
        ItemProcessor: inline({ I: task() }),
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Done' }],
        ...END,
      },
      Done: { Type: 'Succeed', Output: '{% $states.input.Error %}' },
    }),
    handlers: () => ({
      work: (input) => {
        if (input === 1) throw named('Boom')
        return new Promise(() => {})
      },
    }),
    output: 'Boom',
    history: run(
      'MapStateEntered',
      'MapStateStarted',
      'MapIterationStarted',
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
      'MapIterationStarted',
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
      'TaskFailed',
      'MapIterationFailed',
      'TaskStateAborted',
      'MapIterationAborted',
      'TaskStateAborted',
      'MapStateFailed',
      'MapStateExited',
      'SucceedStateEntered',
      'SucceedStateExited',
    ),
  },
  {
    title: 'the loop of attempts: a count from the input, a Wait from a variable',
    definition: machine({
      Init: { Type: 'Pass', Assign: { attempt: 1, most: '{% $states.input.most %}' }, Next: 'Try' },
      Try: task({
        Arguments: { attempt: '{% $attempt %}' },
        Assign: { done: '{% $states.result.done %}' },
        Next: 'Again',
      }),
      Again: {
        Type: 'Choice',
        Choices: [
          { Condition: '{% $done %}', Next: 'Ok' },
          { Condition: '{% $attempt >= $most %}', Next: 'Bad' },
        ],
        Default: 'Sleep',
      },
      Sleep: {
        Type: 'Wait',
        Seconds: '{% $power(2, $attempt) %}',
        Assign: { attempt: '{% $attempt + 1 %}' },
        Next: 'Try',
      },
      Ok: { Type: 'Succeed', Output: '{% $attempt %}' },
      Bad: { Type: 'Fail', Error: 'TooMany' },
    }),
    input: { most: 5 },
    handlers: () => ({ work: (input: { attempt: number }) => ({ done: input.attempt === 3 }) }),
    output: 3,
    delays: [2, 4],
  },
  {
    title: 'the context object',
    definition: machine({
      A: {
        Type: 'Pass',
        Output:
          '{% {"e": $states.context.Execution, "s": $states.context.State, "m": $states.context.StateMachine} %}',
        ...END,
      },
    }),
    input: { a: 1 },
    output: {
      e: {
        Id: 'arn:aws:states:local:000000000000:execution:Machine:run-1',
        Input: { a: 1 },
        Name: 'run-1',
        StartTime: '2026-01-01T00:00:00.000Z',
        RedriveCount: 0,
      },
      s: { Name: 'A', EnteredTime: '2026-01-01T00:00:00.000Z' },
      m: { Id: 'arn:aws:states:local:000000000000:stateMachine:Machine', Name: 'Machine' },
    },
  },
]
