import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import type { ObjectPin } from '../stores/object-store.ts'
import { csvHeaderBytes, downloadLines } from './line-ranges.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-lines-'))
afterAll(() => rmSync(directory, { recursive: true }))

/** A store of one object that counts the bytes that are fetched. */
function storeOf(body: Buffer) {
  const pin: ObjectPin = { key: 'big.csv', size: body.byteLength, etag: 'x' }
  const asked: [number, number][] = []
  const read = async (_pin: ObjectPin, start: number, end: number) => {
    asked.push([start, end])
    return body.subarray(start, end)
  }
  return { pin, asked, store: { read } }
}

async function parts(body: Buffer, size: number, isHeaded: boolean): Promise<string[]> {
  const { pin, store } = storeOf(body)
  const found: string[] = []
  for (let start = 0; start < body.byteLength; start += size) {
    const range = { start, end: Math.min(start + size, body.byteLength) }
    const header = isHeaded ? await csvHeaderBytes(store, pin) : undefined
    const path = await downloadLines(store, pin, range, directory, header)
    found.push(
      path === undefined
        ? ''
        : readFileSync(path)
            .subarray(header?.byteLength ?? 0)
            .toString(),
    )
  }
  return found
}

const body = fc
  .array(fc.constantFrom('\n', '\r\n', 'a', 'bb', 'c'.repeat(9), 'é', '\ufeff'), { maxLength: 30 })
  .map((pieces) => Buffer.from(pieces.join('')))

test('the ranges of an object hold each of its lines once, in their order, however they are cut', async () => {
  await fc.assert(
    fc.asyncProperty(body, fc.integer({ min: 1, max: 40 }), fc.boolean(), async (bytes, size, isHeaded) => {
      const { pin, store } = storeOf(bytes)
      const header = isHeaded ? await csvHeaderBytes(store, pin) : Buffer.alloc(0)
      const found = await parts(bytes, size, isHeaded)
      expect(found.join('')).toBe(bytes.subarray(header.byteLength).toString())
      // All but the last end with a line's end, so that no line is in two of them.
      for (const part of found.slice(0, -1))
        if (part !== '' && !part.endsWith('\n')) expect(found.at(-1)).toBe('')
    }),
    { numRuns: 300 },
  )
})

test.each([
  ['a\nb\nc\n', 2, ['a\n', 'b\n', 'c\n']],
  ['a\nb\nc\n', 3, ['a\nb\n', 'c\n']],
  ['aaaaaaa\nb', 2, ['aaaaaaa\n', '', '', '', 'b']],
  ['a\r\nb\r\n', 4, ['a\r\nb\r\n', '']],
  ['\n\n\n', 1, ['\n', '\n', '\n']],
  ['abc', 1, ['abc', '', '']],
])('%j in ranges of %i bytes', async (text, size, expected) => {
  expect(await parts(Buffer.from(text), size, false)).toEqual(expected)
})

test.each([
  ['id\n1\n2\n', 'id\n'],
  ['\ufeffid\r\n1\r\n', '\ufeffid\r\n'],
  ['\n\r\n\nid\n1\n', '\n\r\n\nid\n'],
  ['id', 'id'],
  ['', ''],
])('the header of %j is %j, and its lines belong to no range', async (text, header) => {
  const { pin, store } = storeOf(Buffer.from(text))
  expect(Buffer.from(await csvHeaderBytes(store, pin)).toString()).toBe(header)
  expect((await parts(Buffer.from(text), 1, true)).join('')).toBe(text.slice(header.length))
})

test('no more is fetched than the range, the byte before it, and the end of its last line', async () => {
  const line = `${'x'.repeat(99)}\n`
  const { pin, store, asked } = storeOf(Buffer.from(line.repeat(300_000)))
  await downloadLines(store, pin, { start: 10_000_050, end: 20_000_050 }, directory)
  expect(asked[0]?.[0]).toBe(10_000_049)
  expect(asked.reduce((sum, [start, end]) => sum + end - start, 0)).toBe(10_000_000 + 64 * 1024)
})

test('an object without a line feed where a range ends is refused, and not fetched to its end', async () => {
  const { pin, store, asked } = storeOf(Buffer.alloc(50 << 20, 'x'))
  const lines = downloadLines(store, pin, { start: 0, end: 1 << 20 }, directory)
  await expect(lines).rejects.toMatchObject({
    code: 'SOURCE_LINE_TOO_LONG',
    details: { key: 'big.csv', byte: 1 << 20 },
  })
  expect(Math.max(...asked.map(([, end]) => end))).toBeLessThan(35 << 20)
})
