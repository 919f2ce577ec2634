import fc from 'fast-check'
import pc from 'picocolors'
import { describe, expect, test } from 'vitest'
import { hasColor, shellWord } from './io.ts'
import { type Block, formatBlocks, visible } from './report.ts'
import { bytes, duration, instant, plural } from './words.ts'

const plain = pc.createColors(false)
const colored = pc.createColors(true)

const table: Block = {
  kind: 'table',
  columns: [{ title: 'name' }, { title: 'rows', align: 'right' }, { title: 'why' }],
  rows: [
    ['a', '1', ''],
    ['long_name', { text: '1,000', tone: 'bad' }, 'x | y <b>'],
  ],
}

describe('reports', () => {
  test('text columns line up, numbers to the right, no space at the end', () => {
    expect(formatBlocks([table], 'text', plain)).toBe(
      ['name        rows  why', 'a              1', 'long_name  1,000  x | y <b>', ''].join('\n'),
    )
  })

  test('colour changes no width', () => {
    const text = formatBlocks([table], 'text', colored)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
    expect(text.replaceAll(/\u001b\[\d+m/g, '')).toBe(formatBlocks([table], 'text', plain))
    expect(text).toContain('\u001b[31m')
  })

  test('Markdown cells cannot break out of their table', () => {
    expect(formatBlocks([table], 'md', plain)).toBe(
      [
        '| name | rows | why |',
        '|---|---:|---|',
        '| a | 1 |  |',
        '| long_name | 1,000 | x \\| y \\<b> |',
        '',
      ].join('\n'),
    )
  })

  test('no text of a source reaches the terminal as a command to it', () => {
    expect(visible('a\u001b[2Jb\u0007\u202ec\nd')).toBe('a\\u001b[2Jb\\u0007\\u202ec d')
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visible(text)).not.toMatch(/\p{Cc}/u)
      }),
    )
  })
})

test('words for people', () => {
  expect([0.4217, 12.34, 245, 7380].map(duration)).toEqual(['0.42 s', '12.3 s', '4 min 05 s', '2 h 03 min'])
  expect([999, 12_345, 123_456, 5e9].map(bytes)).toEqual(['999 B', '12.3 kB', '123 kB', '5.0 GB'])
  expect([plural(1, 'row'), plural(3000, 'row')]).toEqual(['1 row', '3,000 rows'])
  expect(instant('2026-03-01T08:15:00.123Z')).toBe('2026-03-01 08:15:00Z')
})

test('colour is for terminals that nobody asked to do without', () => {
  const terminal = { isTTY: true }
  expect(hasColor(true, terminal, { TERM: 'xterm' })).toBe(true)
  expect(hasColor(true, terminal, { TERM: 'xterm', NO_COLOR: '' })).toBe(true)
  expect(hasColor(true, terminal, { TERM: 'xterm', NO_COLOR: '1' })).toBe(false)
  expect(hasColor(false, terminal, { TERM: 'xterm' })).toBe(false)
  expect(hasColor(true, terminal, { TERM: 'dumb' })).toBe(false)
  expect(hasColor(true, {}, { TERM: 'xterm' })).toBe(false)
})

test('hints can be pasted into a shell', () => {
  expect(['a/b-c.yaml', 'my dir', "it's"].map(shellWord)).toEqual(['a/b-c.yaml', "'my dir'", `'it'\\''s'`])
})
