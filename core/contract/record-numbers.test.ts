import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { recordNumbers } from './record-numbers.ts'
import { type Fields, recordText } from './record-text.ts'
import { dialect } from './scan.suite.ts'

const directory = mkdtempSync(join(tmpdir(), 'records-'))
afterAll(() => rmSync(directory, { recursive: true }))

function csv(body: string, more: Partial<typeof dialect> = {}, unread: readonly number[] = []) {
  const path = join(directory, 'in.csv')
  writeFileSync(path, body)
  return { path, columns: 2, dialect: { ...dialect, ...more }, unread: new Set(unread) }
}

test.each(['\n', '\r\n'])(
  'records lie across the chunks that are read, with line ends %j',
  async (lineEnd) => {
    const quoted = `"é,""${lineEnd}`.repeat(40)
    const rows = Array.from(
      { length: 30_000 },
      (_, i): Fields => [String(i), i % 3 === 0 ? quoted : `${i}`.repeat(30)],
    )
    const body = rows.map(
      ([id, text]) => `${id},${text === quoted ? `"${quoted.replaceAll('"', '""')}"` : text}`,
    )
    const wanted = rows.filter((_, i) => i % 7 === 5).reverse()
    const found = await recordNumbers(csv(`a,b${lineEnd}${body.join(lineEnd)}`), wanted.map(recordText))
    expect(found?.rows).toBe(30_000)
    expect(found?.numbers).toEqual(wanted.map(([id]) => Number(id) + 1))
  },
)

test('records that hold the same are numbered in their order, those not read and empty lines left out', async () => {
  const file = csv('a,b\n1,2\n\n1,2,3\n"1",2\n3,\n', {}, [4])
  expect(
    await recordNumbers(
      file,
      [
        ['3', null],
        ['1', '2'],
        ['1', '2'],
      ].map(recordText),
    ),
  ).toEqual({ numbers: [3, 1, 2], rows: 3 })
})

describe('what is not certain is not told', () => {
  test.each<[string, string, Fields[], Partial<typeof dialect>]>([
    ['the record stands there more often', 'a,b\n1,2\n1,2\n', [['1', '2']], {}],
    [
      'the record stands there more seldom',
      'a,b\n1,2\n',
      [
        ['1', '2'],
        ['1', '2'],
      ],
      {},
    ],
    ['a field holds what separates fields', 'a,b\n1,2\x7f\n', [['1', '2\x7f']], {}],
    ['NULL has two spellings', 'a,b\n1,NA\n', [['1', null]], { null_values: ['', 'NA'] }],
    ['another escape than a doubled quote', 'a,b\n1,"\\""\n', [['1', '"']], { escape: '\\' }],
    ['a quote inside an unquoted field', 'a,b\n1,2"\n3,4\n', [['3', '4']], {}],
    ['text behind a closing quote', 'a,b\n1,"2"3\n3,4\n', [['3', '4']], {}],
    ['a quote that nothing closes', 'a,b\n3,4\n1,"2\n', [['3', '4']], {}],
    ['a single carriage return', 'a,b\n1,2\r3,4\n', [['3', '4']], {}],
    ['a carriage return at the end', 'a,b\n3,4\n1,2\r', [['3', '4']], {}],
    ['an empty line in place of the header', '\na,b\n3,4\n', [['3', '4']], {}],
  ])('%s', async (_, body, wanted, more) => {
    expect(await recordNumbers(csv(body, more), wanted.map(recordText))).toBeUndefined()
  })

  test('an empty line in a file of one column', async () => {
    expect(await recordNumbers({ ...csv('a\n1\n\n2\n'), columns: 1 }, [recordText(['2'])])).toBeUndefined()
  })
})
