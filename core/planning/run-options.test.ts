import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRunOptions } from './run-options.ts'

const defaults = {
  max_workers: 8,
  stop_on_error: false,
  retry_count: 0,
  retry_delay_seconds: 5,
  dry_run: false,
}

function problemsOf(input: unknown): unknown {
  try {
    parseRunOptions(input)
  } catch (error) {
    expect(error).toMatchObject({ name: 'ManifestError', code: 'RUN_OPTIONS_INVALID' })
    return (error as { details: { problems: unknown } }).details.problems
  }
  throw new Error('nothing was refused')
}

describe('parseRunOptions', () => {
  test('an empty object is every default and no selector', () => {
    expect(parseRunOptions({})).toEqual(defaults)
  })

  test('selectors are lists or comma lists, trimmed, each value once', () => {
    expect(
      parseRunOptions({ stage: ' a, b ,,a', dataflows: ['x', ' y '], tags: 't', max_workers: 1 }),
    ).toEqual({
      ...defaults,
      stage: ['a', 'b'],
      dataflows: ['x', 'y'],
      tags: ['t'],
      max_workers: 1,
    })
    expect(parseRunOptions({ stage: ['a, b'] }).stage).toEqual(['a, b'])
  })

  test.each(['', ' ', ',', ' , ', [], [''], null])(
    'the empty selector %j selects nothing and says so',
    (stage) => {
      expect(problemsOf({ stage })).toEqual([
        `stage is ${JSON.stringify(stage)}, which selects nothing; leave the option out to select all`,
      ])
    },
  )

  test('everything that is wrong is said at once', () => {
    const input = {
      max_worker: 4,
      max_workers: 0,
      retry_count: '3',
      retry_delay_seconds: 61,
      stop_on_error: 'yes',
      dry_run: 1,
      stage: 5,
      tags: ['a', 1],
      bogus: 1,
    }
    expect(problemsOf(input)).toEqual([
      'there is no option max_worker (did you mean `max_workers`?)',
      'there is no option bogus (known: dataflows, dry_run, max_workers, retry_count, retry_delay_seconds, stage, stop_on_error, tags)',
      'stage must be a text or a list of texts, and this is 5',
      'tags must be a text or a list of texts, and this is ["a",1]',
      'max_workers must be a whole number from 1 to 1000, and this is 0',
      'stop_on_error must be true or false, and this is "yes"',
      'retry_count must be a whole number from 0 to 100, and this is "3"',
      'retry_delay_seconds must be a number from 0 to 60, and this is 61',
      'dry_run must be true or false, and this is 1',
    ])
  })

  test.each([undefined, null, [], 'x', 3])('%j is no object of options', (input) => {
    expect(problemsOf(input)).toEqual([expect.stringMatching(/^run options are an object, and this is /)])
  })

  test('whatever comes in, the answer is valid options or one typed error', () => {
    const key = fc.oneof(
      fc.constantFrom('stage', 'max_workers', 'dry_run', '__proto__', 'toString'),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue()), (input) => {
        try {
          const options = parseRunOptions(input)
          expect(parseRunOptions({ ...options })).toEqual(options)
        } catch (error) {
          expect(error).toMatchObject({ code: 'RUN_OPTIONS_INVALID' })
        }
      }),
    )
  })
})
