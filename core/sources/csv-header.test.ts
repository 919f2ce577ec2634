import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CsvDialect } from '../contract/scan.ts'
import { openDirectoryStore } from '../stores/directory-object-store.ts'
import type { ObjectStore } from '../stores/object-store.ts'
import { readCsvHeader } from './csv-header.ts'

const plain: CsvDialect = { delimiter: ',', quote: '"', escape: '"', header: true, null_values: [''] }

let directory: string
let store: ObjectStore
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'header-'))
  store = openDirectoryStore(directory)
})
afterAll(() => rm(directory, { recursive: true }))

async function header(bytes: string | Uint8Array, dialect = plain, compression: 'none' | 'gzip' = 'none') {
  return await readCsvHeader(store, await store.put('a.csv', bytes), dialect, compression)
}

describe('readCsvHeader', () => {
  it.each<[string, string, string[]]>([
    ['plain', 'a,b\n1,2\n', ['a', 'b']],
    ['without a last line break', 'a,b', ['a', 'b']],
    ['CRLF', 'a,b\r\n1,2\r\n', ['a', 'b']],
    ['a byte order mark', '\ufeffa,b\n', ['a', 'b']],
    ['quotes around delimiters, breaks and quotes', '"a,1","b\n2","c""3"\nx,y,z\n', ['a,1', 'b\n2', 'c"3']],
    ['blank lines before it', '\n\r\n a,b\n', [' a', 'b']],
    ['beyond ASCII', 'größe,价格\n', ['größe', '价格']],
    ['an empty object', '', []],
  ])('%s', async (_what, text, names) => expect(await header(text)).toEqual(names))

  it('numbers the columns of a file without a header', async () => {
    expect(await header('1,2,3\n', { ...plain, header: false })).toEqual(['column_1', 'column_2', 'column_3'])
  })

  it('takes other delimiters and quotes', async () => {
    expect(await header("'a|1'|b\n", { ...plain, delimiter: '|', quote: "'", escape: "'" })).toEqual([
      'a|1',
      'b',
    ])
  })

  it('reads gzip, and a header that is longer than one piece', async () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `column_with_a_long_name_${i}`)
    const text = `${names.join(',')}\n1\n`
    expect(await header(text)).toEqual(names)
    expect(await header(gzipSync(text), plain, 'gzip')).toEqual(names)
  })

  it('fetches no more than the pieces that hold it', async () => {
    const pin = await store.put('long.csv', `a,b\n${'1,2\n'.repeat(500_000)}`)
    const asked: number[] = []
    const counting = {
      read: (p: typeof pin, start: number, end: number) => {
        asked.push(end - start)
        return store.read(p, start, end)
      },
    }
    await readCsvHeader(counting, pin, plain, 'none')
    expect(asked).toEqual([64 * 1024])
  })

  it.each([
    ['an empty name', 'a,,c\n', /no name for column 2/],
    ['one name twice, also in another case', 'a,b,A\n', /names two columns a and A/],
    ['no end within 1 MiB', `a,"${'x'.repeat(1_200_000)}`, /does not end within 1 MiB/],
  ])('refuses %s', async (_what, text, message) => {
    await expect(header(text)).rejects.toMatchObject({
      code: 'CSV_HEADER_INVALID',
      message: expect.stringMatching(message),
    })
  })

  it('refuses what is no UTF-8, no gzip, or another version by now', async () => {
    await expect(header(Buffer.from([0x61, 0xff, 0x0a]))).rejects.toMatchObject({
      code: 'CSV_HEADER_INVALID',
    })
    await expect(header(Buffer.from('\ufeffa,b\n', 'utf16le'))).rejects.toThrow(/is not UTF-8/)
    expect(await header(Buffer.from('a,b\nx,\xff\n', 'latin1'))).toEqual(['a', 'b'])
    await expect(header('a,b\n', plain, 'gzip')).rejects.toMatchObject({ code: 'SOURCE_UNREADABLE' })
    await expect(header(gzipSync('a,b').subarray(0, 12), plain, 'gzip')).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
    })
    const pin = await store.put('b.csv', 'a,b\n')
    await store.put('b.csv', 'c,d\n')
    for (const compression of ['none', 'gzip'] as const) {
      await expect(readCsvHeader(store, pin, plain, compression)).rejects.toMatchObject({
        code: 'OBJECT_CHANGED',
      })
    }
  })
})
