import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { locate, placeOf, toPlain } from './located.ts'
import { formatProblem } from './problems.ts'
import { cutChunks } from './yaml-chunks.ts'
import { parseTree } from './yaml-tree.ts'

function problemsOf(text: string): string[] {
  return parseTree('m.yaml', text).problems.map(formatProblem)
}

function plain(text: string): unknown {
  const { tree, problems } = parseTree('m.yaml', text)
  expect(problems).toEqual([])
  return toPlain(tree!)
}

describe('parseTree', () => {
  test('is YAML 1.2: yes is a text, keys are the text that was written, anchors repeat a value', () => {
    expect(plain('a: yes\nb: 0o17\n01: x\ntrue: y\n~: z\nc: &c [1, 2]\nd: *c\n')).toEqual({
      a: 'yes',
      b: 15,
      '01': 'x',
      true: 'y',
      '~': 'z',
      c: [1, 2],
      d: [1, 2],
    })
  })

  test('places count from 1, with CRLF, too', () => {
    const { tree } = parseTree('m.yaml', 'a: 1\r\nb:\r\n  - x\r\n  - { c: 2 }\r\n')
    expect(placeOf(tree!, ['b', 1, 'c'])).toEqual({ file: 'm.yaml', line: 4, column: 10 })
  })

  test.each([
    ['a: 1\nb: 2\na: 3', 'm.yaml:3:1: `a` was set before, at line 1. Keep one of the two.'],
    ['a:\n\t- b', 'm.yaml:2:1: a tab stands where indentation must be spaces. Use spaces.'],
    [
      'a: b: c',
      'm.yaml:1:4: a second `: ` on one line starts a mapping where none can be. Put the value in quotes, or the inner key on a line of its own.',
    ],
    [
      'a: "x',
      'm.yaml:1:6: the quote that was opened is not closed. Close it, or double a quote that is meant as text.',
    ],
    ['a: @x', 'm.yaml:1:4: plain value cannot start with reserved character @. Put the value in quotes.'],
    [
      'a: "\\d+"',
      'm.yaml:1:5: in double quotes a backslash starts an escape, and there is no such escape. Use single quotes: nothing is escaped there.',
    ],
    ['a: *.csv', 'm.yaml:1:4: `*.csv` refers to no anchor. A text that starts with * must stand in quotes.'],
    ['a: &x [*x]', 'm.yaml:1:8: `*x` stands inside of what it refers to. Write the value out.'],
    ['<<: { a: 1 }', 'm.yaml:1:1: merge keys (`<<`) are not read. Use defaults, or write the keys out.'],
    [
      'a: {{ ref }}',
      'm.yaml:1:5: a list or a mapping cannot be a key. A value that starts with { or [ must stand in quotes.',
    ],
    ['a: !secret x', 'm.yaml:1:4: tags have no place in a manifest. Remove the word with the `!`.'],
    ['a: !!binary aGk=', 'm.yaml:1:13: tags have no place in a manifest. Remove the word with the `!`.'],
    [
      'a: 1\n---\nb: 1',
      'm.yaml:2:1: a second document starts here. Remove the line ---, or make it a file of its own.',
    ],
    [
      '%YAML 1.1\n---\na: yes',
      'm.yaml:1:1: %YAML 1.1 changes what words like `yes` mean. Remove the line: manifests are YAML 1.2.',
    ],
    ['__proto__: 1', 'm.yaml:1:1: `__proto__` cannot be a key. Use another name.'],
    [': 1', 'm.yaml:1:1: a key is empty. Write its name before the colon.'],
    ['a: .inf', 'm.yaml:1:4: .inf is no number that can be compared. Leave it out.'],
    [
      'a: 12345678901234567890',
      'm.yaml:1:4: 12345678901234567890 has more digits than a number keeps. Write it in quotes: "12345678901234567890".',
    ],
    [
      'a: 0.12345678901234567',
      'm.yaml:1:4: 0.12345678901234567 has more digits than a number keeps. Write it in quotes: "0.12345678901234567".',
    ],
    ['- a\n- b', 'm.yaml:1:1: a manifest is a mapping of keys to values. Start with `version: 1`.'],
    [
      '# only a comment\n',
      'm.yaml: the file holds nothing. Start with version, project, connections and dataflows, or with `sluice init`.',
    ],
  ])('%j', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem])
  })

  test('a number of sixteen digits that a double has is one', () => {
    expect(problemsOf('version: 1\na: 0.3333333333333333')).toEqual([])
  })

  test('an alias bomb is refused before it grows, at the alias that goes too far', () => {
    const bomb = Array.from({ length: 30 }, (_, i) => {
      const inner = i === 0 ? '1, 1, 1, 1, 1, 1, 1, 1, 1' : new Array(9).fill(`*a${i - 1}`).join(', ')
      return `k${i}: &a${i} [${inner}]`
    })
    const started = process.memoryUsage().heapUsed
    const [first] = problemsOf(bomb.join('\n'))
    expect(first).toBe(
      'm.yaml:7:9: this holds more than 1,000,000 values once its aliases are expanded. Write what is meant without aliases.',
    )
    expect(process.memoryUsage().heapUsed - started).toBeLessThan(100_000_000)
  })

  test('nesting without end is an answer, not a crash', () => {
    expect(problemsOf(`a: ${'['.repeat(50_000)}`)[0]).toContain('nested too deeply')
    expect(problemsOf(`a: ${'[ '.repeat(100)}${' ]'.repeat(100)}`)).toEqual([])
  })

  test('any text gives problems or a tree, and never throws', () => {
    const noise = fc.string({ unit: fc.constantFrom(...'ab:-[]{}&*!|>\'"%@`#,?\n\t 01.~<'), maxLength: 60 })
    fc.assert(
      fc.property(noise, (text) => {
        const { tree, problems } = parseTree('m.yaml', text)
        expect(tree !== undefined || problems.length > 0).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

describe('cutting', () => {
  const scalar = fc.constantFrom(
    'x',
    '1',
    'a: b',
    '- not an item',
    '# no comment',
    'two\nlines\n',
    '  - deep\ndataflows:\n',
    '',
  )
  const item = fc.record({ name: scalar, sql: scalar, tags: fc.array(scalar, { maxLength: 3 }) })
  const manifests = fc.record({
    items: fc.array(item, { minLength: 1, maxLength: 12 }),
    before: scalar,
    after: scalar,
    indentSeq: fc.boolean(),
  })

  test('pieces and the whole give the same tree, places and problems', () => {
    let cut = 0
    fc.assert(
      fc.property(
        manifests,
        fc.integer({ min: 1, max: 200 }),
        fc.string({ maxLength: 3 }),
        (m, length, damage) => {
          const text = stringify(
            { version: m.before, dataflows: m.items, project: m.after },
            { indentSeq: m.indentSeq, lineWidth: 0 },
          )
          for (const each of [text, text.replace('tags', `tags${damage}`)]) {
            if (cutChunks(each, length) !== undefined) cut++
            const whole = parseTree('m.yaml', each, Number.POSITIVE_INFINITY)
            const pieces = parseTree('m.yaml', each, length)
            if (whole.tree === undefined) expect(pieces.problems.length).toBeGreaterThan(0)
            else expect(summary(pieces)).toEqual(summary(whole))
          }
        },
      ),
      { numRuns: 200 },
    )
    expect(cut).toBeGreaterThan(100)
  })

  test('anchors reach across items, so such a file stays whole', () => {
    const text = 'dataflows:\n  - a: &x 1\n  - b: *x\n'
    expect(cutChunks(text, 1)).toBeUndefined()
    expect(cutChunks(text.replaceAll(/[&*]x/g, '2'), 1)?.pieces).toEqual([
      { text: '  - a: 2 1', skipped: 1 },
      { text: '  - b: 2\n', skipped: 2 },
    ])
  })

  test('a broken item is reported at its line', () => {
    const items = Array.from({ length: 50 }, (_, i) => `- name: f${i}\n  sql: ${i === 40 ? '@' : ''}x`)
    const text = `version: 1\ndataflows:\n${items.join('\n')}\n`
    expect(parseTree('m.yaml', text, 100).problems).toEqual(parseTree('m.yaml', text, 1e9).problems)
    expect(parseTree('m.yaml', text, 100).problems).toEqual([
      expect.objectContaining({ line: 84, column: 8 }),
    ])
  })
})

function summary({ tree, problems }: ReturnType<typeof parseTree>): unknown {
  const items = tree === undefined ? undefined : locate(tree, ['dataflows'])
  const places =
    items?.kind === 'list'
      ? items.items.map((each) => [each.at, placeOf(each, ['tags', 0]), placeOf(each, ['sql'])])
      : []
  return { plain: tree === undefined ? undefined : toPlain(tree), problems, places, at: items?.at }
}
