import { numberOptions, selectorOptions } from '../planning/run-options.ts'

/** Letters, digits, `_` and `-`: it is the name of an execution and a part of keys. */
export const runIdPattern = '^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$'

const describedSelectors: Readonly<Record<(typeof selectorOptions)[number], string>> = {
  stage: 'Only dataflows of these stages. A list, or a text with commas.',
  dataflows: 'Only these dataflows. A list, or a text with commas.',
  tags: 'Only dataflows with one of these tags. A list, or a text with commas.',
}

const describedNumbers: Readonly<Record<keyof typeof numberOptions, string>> = {
  max_workers: 'Dataflows at work at the same time.',
  retry_count: 'Attempts of a dataflow after the first; not after an error that would only come again.',
  retry_delay_seconds: 'Before the first retry, then doubled up to 60.',
}

const named = {
  run_id: {
    type: 'string',
    pattern: runIdPattern,
    description: 'The name of the run. Default: the name of the execution.',
  },
  resume: {
    type: 'boolean',
    default: false,
    description:
      'Go on with the run of that run_id: what has not succeeded is tried again, as it was planned.',
  },
  project: {
    type: 'string',
    minLength: 1,
    description: 'The deployed project to run. Default: the only one that is deployed.',
  },
  manifest: {
    type: 'object',
    properties: {
      key: { type: 'string', pattern: '^manifests/', description: 'Its key in the evidence bucket.' },
      size: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'In bytes.' },
      sha256: { type: 'string', pattern: '^[0-9a-f]{64}$', description: 'Of its bytes.' },
    },
    required: ['key', 'size', 'sha256'],
    additionalProperties: false,
    description: 'A stored manifest to run in place of a deployed project: an older version of one.',
  },
}

const selector = (description: string) => ({
  anyOf: [
    { type: 'string', pattern: '[^\\s,]' },
    { type: 'array', items: { type: 'string' }, contains: { type: 'string', pattern: '\\S' } },
  ],
  description,
})

const properties: Readonly<Record<string, object>> = {
  ...named,
  ...Object.fromEntries(selectorOptions.map((name) => [name, selector(describedSelectors[name])])),
  ...Object.fromEntries(
    Object.entries(numberOptions).map(([name, { byDefault, min, max, whole }]) => [
      name,
      {
        type: whole ? 'integer' : 'number',
        minimum: min,
        maximum: max,
        default: byDefault,
        description: describedNumbers[name as keyof typeof numberOptions],
      },
    ]),
  ),
  stop_on_error: {
    type: 'boolean',
    default: false,
    description: 'After a dataflow has failed no further one begins.',
  },
}

/** Every key that the input of an execution may have. */
export const runInputKeys: readonly string[] = Object.keys(properties)

/** JSON Schema (draft-07) of what `parseRunInput` accepts. */
export function runInputSchema(): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Input of an execution of a Sluice run',
    description: 'All optional: {} runs every active dataflow of the one project that is deployed.',
    type: 'object',
    properties,
    additionalProperties: false,
    not: { required: ['project', 'manifest'] },
    if: { properties: { resume: { const: true } }, required: ['resume'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
    then: { properties: { run_id: {}, resume: {} }, additionalProperties: false, required: ['run_id'] },
  }
}

export function runInputSchemaText(): string {
  return `${JSON.stringify(runInputSchema(), null, 2)}\n`
}
