import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConditionFailedError } from '../errors.ts'
import { openS3Store } from './s3-object-store.ts'
import {
  type ScriptedAnswer,
  type ScriptedServer,
  type SeenRequest,
  startScriptedServer,
} from './scripted-server.suite.ts'

const maxAttempts = 2
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
const ok: ScriptedAnswer = {
  status: 200,
  headers: { etag: '"e"', 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' },
}
const failure = (status: number, code: string): ScriptedAnswer => ({
  status,
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>said S3</Message></Error>`,
})

let server: ScriptedServer
let work: string
let answer: (request: SeenRequest, count: number) => ScriptedAnswer
beforeEach(async () => {
  // No waiting between tries.
  vi.spyOn(Math, 'random').mockReturnValue(0)
  server = await startScriptedServer((request, count) => answer(request, count))
  work = mkdtempSync(join(tmpdir(), 's3-store-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  rmSync(work, { recursive: true, force: true })
  await server.stop()
})

function open(options: { bucket?: string; prefix?: string } = {}) {
  const client = new S3Client({
    region: 'us-east-1',
    endpoint: server.url,
    forcePathStyle: true,
    credentials,
    maxAttempts,
  })
  return openS3Store({ bucket: 'lake', prefix: 'p', client, ...options })
}

describe('openS3Store', () => {
  it.each(['', 'A', 'a', 'x_y', '-a-', 'a/b', 'bucket--use1-az1--x-s3'])(
    'refuses the bucket %j',
    (bucket) => {
      expect(() => open({ bucket })).toThrow(expect.objectContaining({ code: 'OBJECT_STORE_INVALID' }))
    },
  )

  it.each(['/', 'a/', '/a', 'a//b', '../a', 'é'.repeat(61)])('refuses the prefix %j', (prefix) => {
    expect(() => open({ prefix })).toThrow(expect.objectContaining({ name: 'TerminalError' }))
  })
})

describe('a write', () => {
  it('carries its condition, its SHA-256 and a mark of its own', async () => {
    answer = () => ok
    await open().put('k', 'abc', 'absent')
    await open().put('k', 'abc', { etag: '"v"' })
    const puts = server.requests.filter((request) => request.method === 'PUT')
    expect(puts.map(({ headers }) => [headers['if-none-match'], headers['if-match']])).toEqual([
      ['*', undefined],
      [undefined, '"v"'],
    ])
    const marks = puts.map(({ headers }) => headers['x-amz-meta-sluice-write'])
    expect(new Set(marks).size).toBe(2)
    expect(puts[0]!.headers['x-amz-checksum-sha256']).toBe('ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=')
  })

  it('that met another conditional write is sent again, until S3 decides', async () => {
    answer = ({ method }, count) =>
      method === 'PUT' && count < 3 ? failure(409, 'ConditionalRequestConflict') : ok
    await open().put('k', 'x', 'absent')
    expect(server.requests.filter((request) => request.method === 'PUT')).toHaveLength(3)
    answer = ({ method }) => (method === 'PUT' ? failure(409, 'ConditionalRequestConflict') : ok)
    await expect(open().put('k', 'x', 'absent')).rejects.toMatchObject({
      name: 'RetryableError',
      code: 'OBJECT_STORE_BUSY',
    })
  })

  it('that is refused at its first try asks nothing further', async () => {
    answer = () => failure(412, 'PreconditionFailed')
    await expect(open().put('k', 'x', 'absent')).rejects.toBeInstanceOf(ConditionFailedError)
    answer = () => failure(404, 'NoSuchKey')
    await expect(open().put('k', 'x', { etag: '"v"' })).rejects.toMatchObject({
      code: 'OBJECT_CONDITION_FAILED',
    })
    expect(server.requests).toHaveLength(2)
  })

  it('says that it may have happened when the connection broke each time and nothing can be read back', async () => {
    answer = () => 'reset'
    await expect(open().put('k', 'x', 'absent')).rejects.toMatchObject({
      name: 'RetryableError',
      message: expect.stringContaining('may or may not have been written'),
    })
    expect(server.requests.filter((request) => request.method === 'PUT')).toHaveLength(maxAttempts)
  })

  it('succeeds where its role may only write', async () => {
    answer = ({ method }) => (method === 'PUT' ? ok : { status: 403 })
    expect(await open().put('k', 'x')).toMatchObject({ key: 'k', size: 1, etag: '"e"' })
  })

  it('is sent again when its bytes were damaged on the way, by the caller', async () => {
    answer = () => failure(400, 'BadDigest')
    await expect(open().put('k', 'x')).rejects.toMatchObject({
      name: 'RetryableError',
      code: 'OBJECT_STORE_BUSY',
    })
  })
})

describe('a refusal names the action that is missing', () => {
  const denied = (action: string) => ({
    name: 'TerminalError',
    code: 'OBJECT_STORE_DENIED',
    message: expect.stringContaining(action),
    details: expect.objectContaining({ action }),
  })
  beforeEach(() => {
    answer = ({ method }) => (method === 'HEAD' ? { status: 403 } : failure(403, 'AccessDenied'))
  })

  it('of reads, writes, listings and deletions', async () => {
    const store = open()
    const pin = { key: 'k', size: 1, etag: '"e"' }
    await expect(store.get('k')).rejects.toMatchObject(denied('s3:GetObject'))
    await expect(store.head('k')).rejects.toMatchObject({
      ...denied('s3:GetObject'),
      message: expect.stringMatching(/s3:GetObject on \S+ \(HTTP 403, without a reason\)\./),
    })
    await expect(store.read(pin, 0, 1)).rejects.toMatchObject(denied('s3:GetObject'))
    await expect(store.download(pin, work)).rejects.toMatchObject(denied('s3:GetObject'))
    await expect(store.put('k', 'x')).rejects.toMatchObject(denied('s3:PutObject'))
    await expect(store.list('')[Symbol.asyncIterator]().next()).rejects.toMatchObject(denied('s3:ListBucket'))
    await expect(store.delete(['k'])).rejects.toMatchObject(denied('s3:DeleteObject'))
  })

  it('and is told from credentials that are not valid', async () => {
    answer = () => failure(403, 'SignatureDoesNotMatch')
    await expect(open().get('k')).rejects.toMatchObject({
      code: 'OBJECT_STORE_DENIED',
      message: expect.stringContaining('no valid AWS credentials'),
    })
  })

  it('and is told from throttling', async () => {
    answer = () => failure(503, 'SlowDown')
    await expect(open().get('k')).rejects.toMatchObject({ name: 'RetryableError', code: 'OBJECT_STORE_BUSY' })
  })
})

describe('a read', () => {
  const body = 'abcdefghij'
  const pin = { key: 'k', size: body.length, etag: '"e"' }
  const whole: ScriptedAnswer = { ...ok, body }
  const broken: ScriptedAnswer = { ...ok, body, breaks: 4 }

  it('whose connection breaks in the middle is done again', async () => {
    answer = (_, count) => (count % 3 === 0 ? whole : broken)
    expect(Buffer.from((await open().get('k')).body).toString()).toBe(body)
    expect(Buffer.from(await open().read(pin, 0, 10)).toString()).toBe(body)
    expect(readFileSync(await open().download(pin, work), 'utf8')).toBe(body)
    expect(server.requests).toHaveLength(9)
    expect(server.requests.slice(3).map(({ headers }) => headers['if-match'])).not.toContain(undefined)
  })

  it('whose connection always breaks is given up, without a file', async () => {
    answer = () => broken
    const busy = { name: 'RetryableError', code: 'OBJECT_STORE_BUSY' }
    await expect(open().get('k')).rejects.toMatchObject(busy)
    await expect(open().download(pin, work)).rejects.toMatchObject(busy)
    expect(readdirSync(work)).toEqual([])
  })

  it('is not believed when its bytes are not those of the checksum', async () => {
    answer = () => ({
      ...ok,
      body,
      headers: {
        ...(ok as { headers: object }).headers,
        'x-amz-checksum-sha256': 'A'.repeat(43).concat('='),
      },
    })
    const damaged = { name: 'IntegrityError', code: 'OBJECT_DIGEST_MISMATCH' }
    await expect(open().get('k')).rejects.toMatchObject(damaged)
    await expect(open().download(pin, work)).rejects.toMatchObject(damaged)
    expect(readdirSync(work)).toEqual([])
  })

  it('of a pin never takes another size', async () => {
    answer = () => whole
    await expect(open().download({ ...pin, size: 9 }, work)).rejects.toMatchObject({ code: 'OBJECT_CHANGED' })
    answer = () => failure(416, 'InvalidRange')
    await expect(open().read({ ...pin, size: 99 }, 50, 60)).rejects.toMatchObject({ code: 'OBJECT_CHANGED' })
  })

  it('asks for exactly the bytes of its range', async () => {
    answer = () => ({ status: 206, headers: { etag: '"e"', 'content-range': 'bytes 2-4/10' }, body: 'cde' })
    expect(Buffer.from(await open().read(pin, 2, 5)).toString()).toBe('cde')
    expect(server.requests[0]!.headers.range).toBe('bytes=2-4')
  })

  it('in ranges stops them all when the object is replaced in the middle', async () => {
    const large = { key: 'k', size: 100 * 1024 * 1024, etag: '"e"' }
    answer = (_, count) => (count < 3 ? 'reset' : failure(412, 'PreconditionFailed'))
    await expect(open().download(large, work)).rejects.toMatchObject({ code: 'OBJECT_CHANGED' })
    expect(readdirSync(work)).toEqual([])
  })
})

describe('a deletion', () => {
  const errors = (code: string, ...keys: string[]): ScriptedAnswer => ({
    status: 200,
    body: `<DeleteResult>${keys.map((key) => `<Error><Key>p/${key}</Key><Code>${code}</Code></Error>`).join('')}</DeleteResult>`,
  })
  const keysOf = ({ body }: SeenRequest) =>
    [...body.matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => match[1])

  it('goes in batches of 1,000 and repeats only what failed for the moment', async () => {
    answer = (_, count) => (count === 1 ? errors('InternalError', '3', '5') : errors(''))
    await open().delete(Array.from({ length: 1001 }, (_, i) => String(i)))
    expect(server.requests.map((request) => keysOf(request).length)).toEqual([1000, 2, 1])
    expect(keysOf(server.requests[1]!)).toEqual(['p/3', 'p/5'])
  })

  it('names the keys that were refused', async () => {
    answer = () => errors('AccessDenied', 'b', 'c')
    await expect(open().delete(['a', 'b', 'c'])).rejects.toMatchObject({
      name: 'TerminalError',
      code: 'OBJECT_STORE_DENIED',
      message: expect.stringContaining('b (AccessDenied), c (AccessDenied)'),
      details: { keys: ['b', 'c'], count: 2 },
    })
  })

  it('gives up what fails for the moment each time', async () => {
    answer = () => errors('SlowDown', 'a')
    await expect(open().delete(['a'])).rejects.toMatchObject({
      name: 'RetryableError',
      code: 'OBJECT_STORE_BUSY',
    })
    expect(server.requests).toHaveLength(5)
  })
})

describe('a multipart upload', () => {
  const file = () => {
    const path = join(work, 'large')
    writeFileSync(path, '')
    truncateSync(path, 33 * 1024 * 1024)
    return path
  }
  const created: ScriptedAnswer = {
    status: 200,
    body: '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>',
  }
  const completed: ScriptedAnswer = {
    status: 200,
    body: '<CompleteMultipartUploadResult><ETag>"e-3"</ETag></CompleteMultipartUploadResult>',
  }
  const script = (overrides: Record<string, (count: number) => ScriptedAnswer>) => {
    const counts: Record<string, number> = {}
    const usual: Record<string, ScriptedAnswer> = {
      create: created,
      part: ok,
      complete: completed,
      abort: { status: 204 },
      head: ok,
    }
    answer = (request) => {
      const step = stepOf(request)
      counts[step] = (counts[step] ?? 0) + 1
      return overrides[step]?.(counts[step]) ?? usual[step]!
    }
  }
  const stepOf = ({ method, path }: SeenRequest) => {
    if (method === 'POST') return path.includes('uploads') ? 'create' : 'complete'
    return method === 'PUT' ? 'part' : method === 'DELETE' ? 'abort' : 'head'
  }
  const steps = () => server.requests.map(stepOf).filter((step) => step !== 'part')

  it('has its condition on the completion, which names every part and its checksum', async () => {
    script({})
    const path = file()
    expect(await open().upload('k', path, 'absent')).toMatchObject({ size: 33 * 1024 * 1024, etag: '"e-3"' })
    expect(steps()).toEqual(['create', 'complete', 'head'])
    const complete = server.requests.find((request) => stepOf(request) === 'complete')!
    expect(complete.headers['if-none-match']).toBe('*')
    expect(complete.headers['x-amz-mp-object-size']).toBe(String(33 * 1024 * 1024))
    expect(complete.body.match(/<ChecksumSHA256>/g)).toHaveLength(3)
    expect(existsSync(path)).toBe(false)
  })

  it('is aborted when a part fails, and keeps the file', async () => {
    script({ part: (count) => (count === 2 ? failure(403, 'AccessDenied') : ok) })
    const path = file()
    await expect(open().upload('k', path)).rejects.toMatchObject({ code: 'OBJECT_STORE_DENIED' })
    expect(steps()).toEqual(['create', 'abort'])
    expect(statSync(path).size).toBe(33 * 1024 * 1024)
  })

  it('is not done when the completion says 200 and then an error', async () => {
    script({ complete: () => ({ ...(failure(200, 'InternalError') as object), status: 200 }) })
    await expect(open().upload('k', file())).rejects.toMatchObject({
      name: 'RetryableError',
      code: 'OBJECT_STORE_BUSY',
    })
    expect(steps()).toContain('abort')
  })

  it('begins anew when its completion met another conditional write, or someone aborted it', async () => {
    for (const code of ['ConditionalRequestConflict', 'NoSuchUpload']) {
      const status = code === 'NoSuchUpload' ? 404 : 409
      script({ complete: (count) => (count === 1 ? failure(status, code) : completed) })
      server.requests.length = 0
      await open().upload('k', file(), 'absent')
      expect(steps().filter((step) => step === 'create')).toHaveLength(2)
      expect(steps().filter((step) => step === 'abort')).toHaveLength(1)
    }
  })
})
