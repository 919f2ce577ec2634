import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConditionFailedError, SourceError, TerminalError } from '../errors.ts'
import { compareCodePoints } from './code-point-order.ts'
import { invalidKeys, invalidPrefixes } from './object-key.suite.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'

/** A fresh, empty store for one test. */
export interface ObjectStoreSubject {
  readonly store: ObjectStore
  /** Another client of the same place, as another process would have. */
  another(): ObjectStore
  cleanup(): Promise<void>
}

/** What every {@link ObjectStore} does, whatever it is made of. */
export function objectStoreSuite(name: string, factory: () => Promise<ObjectStoreSubject>): void {
  describe(`${name} is an object store`, () => {
    let subject: ObjectStoreSubject
    let store: ObjectStore
    let work: string
    beforeEach(async () => {
      subject = await factory()
      store = subject.store
      work = await mkdtemp(join(tmpdir(), 'object-store-suite-'))
    })
    afterEach(async () => {
      await subject.cleanup()
      await rm(work, { recursive: true, force: true })
    })
    const text = async (key: string) => Buffer.from((await store.get(key)).body).toString('utf8')
    const local = async (body: string | Uint8Array) => {
      const path = join(work, `local-${Math.random().toString(36).slice(2)}`)
      await writeFile(path, body)
      return path
    }

    describe('reading and writing', () => {
      it('has a URI without a trailing slash', () => {
        expect(store.uri).toMatch(/^[a-z0-9]+:\/\/.*[^/]$/)
      })

      it('gives back what was put, and the same information everywhere', async () => {
        const before = Date.now() - 2000
        const put = await store.put('a/b.txt', 'grüß 😀')
        const { info, body } = await store.get('a/b.txt')
        expect(Buffer.from(body).toString('utf8')).toBe('grüß 😀')
        expect(info).toEqual(put)
        expect(await store.head('a/b.txt')).toEqual(put)
        expect(await collect(store, '')).toEqual([put])
        expect(put).toMatchObject({ key: 'a/b.txt', size: 11 })
        expect(put.last_modified).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
        expect(Date.parse(put.last_modified)).toBeGreaterThan(before)
      })

      it('keeps all byte values', async () => {
        const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7) & 0xff)
        await store.put('bytes', bytes)
        expect(Buffer.compare((await store.get('bytes')).body, bytes)).toBe(0)
      })

      it('keeps an empty object', async () => {
        const put = await store.put('empty', '')
        expect(put.size).toBe(0)
        expect((await store.get('empty')).body.byteLength).toBe(0)
        expect(await readFile(await store.download(put, work), 'utf8')).toBe('')
        expect((await store.upload('empty-upload', await local(''))).size).toBe(0)
      })

      it('reads a part of the pinned version, and no more than there is', async () => {
        const pin = await store.put('part', 'abcdefghij')
        const text = async (start: number, end: number) =>
          Buffer.from(await store.read(pin, start, end)).toString()
        expect(await text(0, 3)).toBe('abc')
        expect(await text(8, 100)).toBe('ij')
        expect(await text(10, 20)).toBe('')
        await store.put('part', 'ABCDEFGHIJ')
        await expect(store.read(pin, 0, 3)).rejects.toMatchObject({ code: 'OBJECT_CHANGED' })
      })

      it('says that there is no object', async () => {
        await store.put('there/x', '1')
        for (const key of ['absent', 'there', 'there/y', 'there/x/y', 'no/such/place']) {
          expect(await store.head(key)).toBeUndefined()
          await expect(store.get(key)).rejects.toMatchObject({
            name: 'SourceError',
            code: 'OBJECT_NOT_FOUND',
          })
        }
      })

      it('replaces an object and changes its etag, even for the same bytes at the same instant', async () => {
        const etags = new Set<string>()
        for (let i = 0; i < 50; i++) etags.add((await store.put('same', `body-${i % 10}`)).etag)
        expect(etags.size).toBeGreaterThanOrEqual(10)
        const a = await store.put('same', 'aaaa')
        const b = await store.put('same', 'bbbb')
        expect(b.etag).not.toBe(a.etag)
        expect(await text('same')).toBe('bbbb')
      })

      it('never shows half of an object, or of two', async () => {
        const bodies = ['a', 'b', 'c'].map((letter) => letter.repeat(300_000))
        await store.put('whole', bodies[0]!)
        let writing = true
        const writers = [0, 1].map(async (w) => {
          for (let i = 0; i < 15; i++) await subject.another().put('whole', bodies[(w + i) % 3]!)
        })
        const done = Promise.all(writers).finally(() => {
          writing = false
        })
        let reads = 0
        for (; writing || reads === 0; reads++) {
          const { info, body } = await store.get('whole')
          const read = Buffer.from(body).toString('latin1')
          expect(info.size).toBe(300_000)
          expect(read === read[0]!.repeat(300_000)).toBe(true)
        }
        await done
      })
    })

    describe('keys', () => {
      it('takes whatever can be a key', async () => {
        const keys = [
          'a',
          '日本/データ.parquet',
          '😀',
          'ﬀ/ﬁ',
          'sp ace/%41+=?#&;',
          '...',
          '.hidden/..x',
          `${'k'.repeat(255)}/z`,
          'A"\'`$()',
        ]
        for (const key of keys) await store.put(key, key, 'absent')
        for (const key of keys) expect(await text(key)).toBe(key)
        expect((await collect(store, '')).map((info) => info.key)).toEqual([...keys].sort(compareCodePoints))
      })

      it.each(invalidKeys)('refuses the key %j (%s) everywhere', async (key) => {
        const invalid = { name: 'TerminalError', code: 'OBJECT_KEY_INVALID' }
        const path = await local('x')
        await expect(store.get(key)).rejects.toMatchObject(invalid)
        await expect(store.head(key)).rejects.toMatchObject(invalid)
        await expect(store.put(key, 'x')).rejects.toMatchObject(invalid)
        await expect(store.upload(key, path)).rejects.toMatchObject(invalid)
        await expect(store.download({ key, size: 1, etag: 'x' }, work)).rejects.toMatchObject(invalid)
        await expect(store.delete(['ok', key])).rejects.toMatchObject(invalid)
        expect(await readFile(path, 'utf8')).toBe('x')
        expect(await collect(store, '')).toEqual([])
      })

      it.each(invalidPrefixes)('refuses the prefix %j (%s)', async (prefix) => {
        await expect(collect(store, prefix)).rejects.toMatchObject({ code: 'OBJECT_KEY_INVALID' })
      })
    })

    describe('list', () => {
      const keys = [
        'a',
        'a b',
        'a-b',
        'a-c/d',
        'a.b',
        'ab',
        'a0',
        'b/-',
        'b/0/x',
        'b/a',
        'b/a.x',
        'b-/a',
        'b./a',
        'b0',
        'c/d/e/f',
        'Ａ',
        '😀',
        'é',
      ]
      beforeEach(async () => {
        await Promise.all(keys.map((key) => store.put(key, key)))
      })

      it('is in code-point order of the whole keys', async () => {
        const listed = (await collect(store, '')).map((info) => info.key)
        expect(listed).toEqual([...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
        expect(listed.indexOf('Ａ')).toBeLessThan(listed.indexOf('😀'))
        expect(listed.indexOf('b./a')).toBeLessThan(listed.indexOf('b/-'))
      })

      it('takes a prefix as plain text', async () => {
        const prefixes = [
          'a',
          'a-',
          'a-b',
          'a-b/',
          'b',
          'b/',
          'b/a',
          'b/a.',
          'b/0',
          'b/0/',
          'b/0/x',
          'b/0/x/',
          'c/d/e',
          '😀',
          'e',
          'zz',
          'zz/',
          '.',
          '..',
        ]
        for (const prefix of prefixes) {
          const listed = (await collect(store, prefix)).map((info) => info.key)
          expect(listed).toEqual([...keys].sort(compareCodePoints).filter((key) => key.startsWith(prefix)))
        }
      })

      it('can be left early and taken up again', async () => {
        for await (const info of store.list('')) {
          expect(info.key).toBe('a')
          break
        }
        expect(await collect(store, '')).toHaveLength(keys.length)
      })

      it('lists more objects than one page of any service', async () => {
        const many = Array.from({ length: 1200 }, (_, i) => `many/${i % 3}/${i}`)
        for (let at = 0; at < many.length; at += 50) {
          await Promise.all(many.slice(at, at + 50).map((key) => store.put(key, '')))
        }
        expect((await collect(store, 'many/')).map((info) => info.key)).toEqual(many.sort(compareCodePoints))
      })
    })

    describe('conditions', () => {
      it('absent: writes once', async () => {
        await store.put('k', 'first', 'absent')
        await expect(store.put('k', 'second', 'absent')).rejects.toBeInstanceOf(ConditionFailedError)
        await expect(store.upload('k', await local('third'), 'absent')).rejects.toBeInstanceOf(
          ConditionFailedError,
        )
        expect(await text('k')).toBe('first')
        await store.delete(['k'])
        await store.upload('k', await local('fourth'), 'absent')
        expect(await text('k')).toBe('fourth')
      })

      it('etag: replaces exactly that version', async () => {
        const first = await store.put('k', 'first')
        const second = await store.put('k', 'second', { etag: first.etag })
        await expect(store.put('k', 'late', { etag: first.etag })).rejects.toBeInstanceOf(
          ConditionFailedError,
        )
        expect(await text('k')).toBe('second')
        await store.upload('k', await local('third'), { etag: second.etag })
        await expect(store.upload('k', await local('late'), { etag: second.etag })).rejects.toBeInstanceOf(
          ConditionFailedError,
        )
        expect(await text('k')).toBe('third')
      })

      it('etag: fails where there is no object', async () => {
        const gone = await store.put('k', 'x')
        await store.delete(['k'])
        await expect(store.put('k', 'y', { etag: gone.etag })).rejects.toBeInstanceOf(ConditionFailedError)
        expect(await store.head('k')).toBeUndefined()
      })

      it('absent: of many concurrent writers exactly one wins, and its bytes are there', async () => {
        for (let round = 0; round < 5; round++) {
          const key = `race/${round}`
          const wins = await race(12, async (i) => {
            const client = subject.another()
            if (i % 2 === 0) await client.put(key, `writer ${i}`, 'absent')
            else await client.upload(key, await local(`writer ${i}`), 'absent')
          })
          expect(wins).toHaveLength(1)
          expect(await text(key)).toBe(`writer ${wins[0]}`)
        }
      })

      it('etag: of many concurrent writers exactly one wins, and its bytes are there', async () => {
        for (let round = 0; round < 5; round++) {
          const { etag } = await store.put('race', 'base')
          const wins = await race(12, async (i) => {
            await subject.another().put('race', `writer ${i}`, { etag })
          })
          expect(wins).toHaveLength(1)
          expect(await text('race')).toBe(`writer ${wins[0]}`)
        }
      })

      it('etag: a counter that many increment loses nothing', async () => {
        await store.put('counter', '0')
        await Promise.all(
          Array.from({ length: 6 }, async () => {
            const client = subject.another()
            for (let done = 0; done < 5; ) {
              const { info, body } = await client.get('counter')
              const next = String(Number(Buffer.from(body).toString()) + 1)
              done += (await won(client.put('counter', next, { etag: info.etag }))) ? 1 : 0
            }
          }),
        )
        expect(await text('counter')).toBe('30')
      })
    })

    describe('upload', () => {
      it('stores a large file whole', async () => {
        const chunk = Buffer.from(
          Uint8Array.from({ length: 1024 * 1024 }, (_, i) => (i * 31 + (i >> 8)) & 0xff),
        )
        const large = Buffer.concat(
          Array.from({ length: 64 }, (_, i) => Buffer.concat([Buffer.from([i]), chunk.subarray(1)])),
        )
        const info = await store.upload('large', await local(large))
        expect(info.size).toBe(64 * 1024 * 1024)
        const path = await store.download(info, work)
        expect(Buffer.compare(await readFile(path), large)).toBe(0)
        expect(Buffer.compare((await store.get('large')).body, large)).toBe(0)
      })

      it('keeps the local file when the condition fails', async () => {
        await store.put('k', 'x')
        const path = await local('mine')
        await expect(store.upload('k', path, 'absent')).rejects.toBeInstanceOf(ConditionFailedError)
        expect(await readFile(path, 'utf8')).toBe('mine')
      })

      it('stores something that later writes to the same local path do not touch', async () => {
        const path = await local('first')
        await store.upload('k', path)
        await writeFile(path, 'SECOND')
        expect(await text('k')).toBe('first')
      })
    })

    describe('download', () => {
      it('gives each object its own local file, named as the key ends', async () => {
        const pins = [
          await store.put('a/data.csv', 'A'),
          await store.put('b/data.csv', 'B'),
          await store.put('data.csv', 'C'),
        ]
        const paths = await Promise.all(
          [...pins, ...pins].map((pin) => store.download(pin, join(work, 'new', 'dir'))),
        )
        expect(new Set(paths).size).toBe(6)
        expect(paths.map((path) => basename(path).endsWith('data.csv'))).not.toContain(false)
        expect(paths.map((path) => path.startsWith(join(work, 'new', 'dir')))).not.toContain(false)
        expect(await Promise.all(paths.map((path) => readFile(path, 'utf8')))).toEqual([
          'A',
          'B',
          'C',
          'A',
          'B',
          'C',
        ])
        expect((await stat(paths[0]!)).isFile()).toBe(true)
      })

      it('refuses an object that changed since it was pinned', async () => {
        const pin = await store.put('k', 'aaaa')
        await store.put('k', 'bbbb')
        await expect(store.download(pin, work)).rejects.toMatchObject({
          name: 'SourceError',
          code: 'OBJECT_CHANGED',
        })
      })

      it('refuses an object that is gone', async () => {
        const pin = await store.put('k', 'aaaa')
        await store.delete(['k'])
        const failure = await store.download(pin, work).catch((error: unknown) => error)
        expect(failure).toBeInstanceOf(SourceError)
        expect(failure).toMatchObject({ code: 'OBJECT_NOT_FOUND' })
      })

      it('holds the pinned version while the object is replaced and deleted', async () => {
        const path = await store.download(await store.put('k', 'pinned'), work)
        await store.put('k', 'replaced')
        expect(await readFile(path, 'utf8')).toBe('pinned')
        await store.delete(['k'])
        expect(await readFile(path, 'utf8')).toBe('pinned')
      })
    })

    describe('delete', () => {
      it('takes keys that are there and keys that are not, again and again', async () => {
        await store.put('a/x', '1')
        await store.put('a/y', '2')
        await store.delete([])
        for (let i = 0; i < 2; i++) await store.delete(['a/x', 'never', 'a', 'a/x/deeper', 'no/such'])
        expect((await collect(store, '')).map((info) => info.key)).toEqual(['a/y'])
      })

      it('takes more keys than one request of any service', async () => {
        const keys = Array.from({ length: 1100 }, (_, i) => `d/${i}`)
        for (let at = 0; at < keys.length; at += 50) {
          await Promise.all(keys.slice(at, at + 50).map((key) => store.put(key, '')))
        }
        await store.delete(keys)
        expect(await collect(store, '')).toEqual([])
      })

      it('leaves room for a new object', async () => {
        await store.put('k', 'old')
        await store.delete(['k'])
        await store.put('k', 'new', 'absent')
        expect(await text('k')).toBe('new')
      })
    })

    it('is equal to a map, whatever is done to it', async () => {
      const key = fc.constantFrom('a/x', 'a/y', 'a-x', 'b', 'b.c', '😀/k')
      const step = fc.record({
        do: fc.constantFrom('put', 'absent', 'match', 'upload', 'delete'),
        key,
        body: fc.string({ maxLength: 20 }),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          await store.delete((await collect(store, '')).map((info) => info.key))
          const model = new Map<string, string>()
          for (const { do: action, key, body } of steps) {
            const etag = (await store.head(key))?.etag ?? 'none'
            if (action === 'delete') {
              await store.delete([key])
              model.delete(key)
              continue
            }
            const expected =
              action === 'absent' ? !model.has(key) : action === 'match' ? model.has(key) : true
            const write =
              action === 'upload'
                ? store.upload(key, await local(body))
                : store.put(
                    key,
                    body,
                    action === 'absent' ? 'absent' : action === 'match' ? { etag } : undefined,
                  )
            expect(await won(write)).toBe(expected)
            if (expected) model.set(key, Buffer.from(body).toString())
          }
          const listed = (await collect(store, '')).map((info) => info.key)
          expect(listed).toEqual([...model.keys()].sort(compareCodePoints))
          for (const key of listed) expect(await text(key)).toBe(model.get(key))
        }),
        { numRuns: 30 },
      )
    })
  })
}

async function collect(store: ObjectStore, prefix: string): Promise<ObjectInfo[]> {
  const infos: ObjectInfo[] = []
  for await (const info of store.list(prefix)) infos.push(info)
  return infos
}

/** Which of the concurrent attempts succeeded; all others must have failed by their condition. */
async function race(count: number, attempt: (i: number) => Promise<void>): Promise<number[]> {
  const results = await Promise.all(Array.from({ length: count }, (_, i) => won(attempt(i))))
  return results.flatMap((result, i) => (result ? [i] : []))
}

async function won(write: Promise<unknown>): Promise<boolean> {
  try {
    await write
    return true
  } catch (error) {
    if (error instanceof ConditionFailedError && !(error instanceof TerminalError)) return false
    throw error
  }
}
