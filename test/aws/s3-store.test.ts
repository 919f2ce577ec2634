import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { ConditionFailedError } from '../../core/errors.ts'
import { objectStoreSuite } from '../../core/stores/object-store.suite.ts'
import type { ObjectStore } from '../../core/stores/object-store.ts'
import { openS3Store } from '../../core/stores/s3-object-store.ts'
import { localS3, underWeather } from './clients.ts'

const ministack = inject('ministack')
if (ministack === undefined || 'skipped' in ministack) {
  it.skip(`S3 on MiniStack: ${ministack?.skipped ?? 'runs under npm run test:aws only'}`, () => undefined)
} else {
  suites(ministack.url)
}

function suites(url: string): void {
  const bucket = `lake-${randomUUID()}`
  const clients: S3Client[] = []
  const client = () => {
    const made = localS3(url)
    clients.push(made)
    return made
  }
  beforeAll(async () => void (await client().send(new CreateBucketCommand({ Bucket: bucket }))))
  afterAll(() => {
    for (const made of clients) made.destroy()
  })
  const shared = [localS3(url), localS3(url)] as const
  clients.push(...shared)

  const subject = async () => {
    const prefix = `of/${randomUUID()}`
    const open = (at: 0 | 1) => openS3Store({ bucket, prefix, client: shared[at] })
    return { store: open(0), another: () => open(1), cleanup: async () => undefined }
  }
  objectStoreSuite('S3 (MiniStack)', subject)

  describe('openS3Store (MiniStack)', () => {
    let s3: S3Client
    let store: ObjectStore
    let prefix: string
    let work: string
    beforeEach(async () => {
      s3 = client()
      prefix = `p/${randomUUID()}`
      store = openS3Store({ bucket, prefix, client: s3 })
      work = await mkdtemp(join(tmpdir(), 's3-store-'))
    })
    afterEach(async () => await rm(work, { recursive: true, force: true }))
    const text = async (key: string) => Buffer.from((await store.get(key)).body).toString('utf8')
    const file = async (size: number) => {
      const path = join(work, `file-${randomUUID()}`)
      const bytes = Buffer.alloc(size)
      for (let at = 0; at < size; at += 4) bytes.writeUInt32LE((at * 2654435761) >>> 0, at)
      await writeFile(path, bytes)
      return { path, bytes }
    }
    const openUploads = async () =>
      (await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }))).Uploads ?? []

    it('names its objects by bucket and prefix, or by the bucket alone', async () => {
      expect(store.uri).toBe(`s3://${bucket}/${prefix}`)
      const whole = openS3Store({ bucket, prefix: '', client: s3 })
      expect(whole.uri).toBe(`s3://${bucket}`)
      await store.put('a/b', 'x')
      expect(Buffer.from((await whole.get(`${prefix}/a/b`)).body).toString()).toBe('x')
      const stored = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: `${prefix}/a/b` }))
      expect(await stored.Body?.transformToString()).toBe('x')
    })

    it('sees nothing beside its prefix, and no folders that a console made', async () => {
      await store.put('a', '1')
      await openS3Store({ bucket, prefix: `${prefix}2`, client: s3 }).put('b', '2')
      for (const key of ['', 'folder/', '.tmp/x']) {
        await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}/${key}`, ContentLength: 0 }))
      }
      const keys: string[] = []
      for await (const info of store.list('')) keys.push(info.key)
      expect(keys).toEqual(['a'])
    })

    it('refuses to leave out an object that no key can name', async () => {
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}/a//b`, Body: 'rows' }))
      const listing = (async () => {
        for await (const _ of store.list(''));
      })()
      await expect(listing).rejects.toMatchObject({ code: 'OBJECT_KEY_INVALID' })
    })

    it('sends a SHA-256 that S3 verifies and keeps', async () => {
      await store.put('k', 'abc')
      const stored = await s3.send(
        new GetObjectCommand({ Bucket: bucket, Key: `${prefix}/k`, ChecksumMode: 'ENABLED' }),
      )
      expect(stored.ChecksumSHA256).toBe('ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=')
    })

    it('says that the bucket does not exist', async () => {
      const nowhere = openS3Store({ bucket: 'no-such-bucket-anywhere', prefix: '', client: s3 })
      const missing = { name: 'TerminalError', code: 'OBJECT_STORE_MISSING' }
      await expect(nowhere.put('k', 'x')).rejects.toMatchObject(missing)
      await expect(nowhere.get('k')).rejects.toMatchObject(missing)
      await expect(nowhere.put('k', 'x', { etag: '"e"' })).rejects.toMatchObject(missing)
    })

    describe('when the answer to a write that succeeded is lost', () => {
      it('recognises its own object where the condition was that there is none', async () => {
        const weather = underWeather(s3, 'PutObjectCommand')
        weather.lostAnswers = 1
        const info = await store.put('k', 'ours', 'absent')
        expect(weather.sent).toBe(2)
        expect(info).toEqual(await store.head('k'))
        expect(await text('k')).toBe('ours')
        await expect(store.put('k', 'ours', 'absent')).rejects.toBeInstanceOf(ConditionFailedError)
      })

      it('recognises its own object where the condition was a version', async () => {
        const { etag } = await store.put('k', 'first')
        const weather = underWeather(s3, 'PutObjectCommand')
        weather.lostAnswers = 1
        const info = await store.put('k', 'second', { etag })
        expect(weather.sent).toBe(2)
        expect(info).toEqual(await store.head('k'))
        expect(await text('k')).toBe('second')
      })

      it('takes no equal object of another writer for its own', async () => {
        const weather = underWeather(s3, 'PutObjectCommand')
        const other = openS3Store({ bucket, prefix, client: shared[1] })
        await other.put('k', 'same')
        weather.lostAnswers = 1
        await expect(store.put('k', 'same', 'absent')).rejects.toBeInstanceOf(ConditionFailedError)
      })

      it('finds its object when every answer is lost, and says when it cannot', async () => {
        const weather = underWeather(s3, 'PutObjectCommand')
        weather.lostAnswers = 99
        await store.put('k', 'ours', 'absent')
        expect(await text('k')).toBe('ours')
        const heads = underWeather(s3, 'HeadObjectCommand')
        heads.lostAnswers = 99
        await expect(store.put('k2', 'ours', 'absent')).rejects.toMatchObject({
          name: 'RetryableError',
          code: 'OBJECT_STORE_BUSY',
          message: expect.stringContaining('may or may not have been written'),
        })
      })

      it('recognises a multipart upload whose completion was answered to nobody', async () => {
        const { path, bytes } = await file(33 * 1024 * 1024)
        const weather = underWeather(s3, 'CompleteMultipartUploadCommand')
        weather.lostAnswers = 1
        const info = await store.upload('large', path, 'absent')
        expect(weather.sent).toBeGreaterThanOrEqual(1)
        expect(info).toEqual(await store.head('large'))
        expect(Buffer.compare((await store.get('large')).body, bytes)).toBe(0)
        expect(await openUploads()).toEqual([])
      })
    })

    describe('large files', () => {
      it('go up in parts, under the condition, and come back in ranges', async () => {
        const { path, bytes } = await file(49 * 1024 * 1024 + 3 * 4)
        const puts = underWeather(s3, 'UploadPartCommand')
        const gets = underWeather(s3, 'GetObjectCommand')
        const info = await store.upload('large', path, 'absent')
        expect(puts.sent).toBe(4)
        expect(info.etag).toMatch(/-4"$/)
        await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
        const local = await store.download(info, work)
        expect(gets.sent).toBe(2)
        expect(Buffer.compare(await readFile(local), bytes)).toBe(0)
      })

      it('leave no parts behind when the condition fails', async () => {
        await store.put('large', 'there')
        const { path } = await file(33 * 1024 * 1024)
        await expect(store.upload('large', path, 'absent')).rejects.toBeInstanceOf(ConditionFailedError)
        await expect(store.upload('large', path, { etag: '"x"' })).rejects.toBeInstanceOf(
          ConditionFailedError,
        )
        expect((await stat(path)).size).toBe(33 * 1024 * 1024)
        expect(await text('large')).toBe('there')
        expect(await openUploads()).toEqual([])
      })

      it('are refused in every range once they changed, and leave no file', async () => {
        const { path } = await file(40 * 1024 * 1024)
        const pin = await store.upload('large', path)
        await store.put('large', 'another')
        const into = join(work, 'into')
        await expect(store.download(pin, into)).rejects.toMatchObject({ code: 'OBJECT_CHANGED' })
        await expect(store.download({ ...pin, size: 8 }, into)).rejects.toMatchObject({
          code: 'OBJECT_CHANGED',
        })
        expect(await readdir(into)).toEqual([])
      })

      it('are not taken where the pin is right but for the size', async () => {
        const { path } = await file(40 * 1024 * 1024)
        const pin = await store.upload('large', path)
        for (const size of [pin.size + 1, pin.size - 1, 7, pin.size * 2]) {
          await expect(store.download({ ...pin, size }, work)).rejects.toMatchObject({
            code: 'OBJECT_CHANGED',
          })
        }
      })
    })

    it('says that a file to upload is not there', async () => {
      await expect(store.upload('k', join(work, 'nothing'))).rejects.toMatchObject({
        code: 'OBJECT_STORE_FAILED',
      })
    })

    it('deletes keys that no batch can name', async () => {
      const keys = ['a\u0001b', 'a\nb', 'a&b<c>', 'plain']
      await store.put('plain', 'x')
      await store.put('a&b<c>', 'x')
      await store.delete(keys)
      for (const key of ['plain', 'a&b<c>']) expect(await store.head(key)).toBeUndefined()
    })
  })
}
