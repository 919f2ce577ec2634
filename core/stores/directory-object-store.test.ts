import { createHash, randomBytes } from 'node:crypto'
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startChild } from './child.suite.ts'
import { openDirectoryStore } from './directory-object-store.ts'
import { objectStoreSuite } from './object-store.suite.ts'
import type { ObjectStore } from './object-store.ts'

objectStoreSuite('a directory', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'directory-store-'))
  const root = join(directory, 'not', 'yet there')
  return {
    store: openDirectoryStore(root),
    another: () => openDirectoryStore(root),
    cleanup: async () => rmSync(directory, { recursive: true, force: true }),
  }
})

let outside: string
let root: string
let store: ObjectStore
beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'directory-store-'))
  root = join(outside, 'lake')
  store = openDirectoryStore(root)
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(outside, { recursive: true, force: true })
})

const keys = async (prefix = '', from = store) => {
  const found: string[] = []
  for await (const info of from.list(prefix)) found.push(info.key)
  return found
}

describe('openDirectoryStore', () => {
  it('creates nothing until something is written', async () => {
    expect(await keys()).toEqual([])
    expect(await store.head('a')).toBeUndefined()
    await store.delete(['a'])
    expect(existsSync(root)).toBe(false)
    await store.put('a', '1')
    expect(existsSync(join(root, 'a'))).toBe(true)
  })

  it('names its root by an absolute file URI that readers take literally', () => {
    expect(openDirectoryStore('/data/my lake/').uri).toBe('file:///data/my lake')
    expect(openDirectoryStore('.').uri).toBe(`file://${process.cwd()}`)
  })

  it('leaves nothing in .tmp but the lock', async () => {
    const { etag } = await store.put('a', '1')
    await store.put('a', '2', { etag })
    await store.put('a', '3', 'absent').catch(() => undefined)
    await store.put('a', '3', { etag }).catch(() => undefined)
    const path = join(outside, 'local')
    writeFileSync(path, 'x')
    await store.upload('a', path, 'absent').catch(() => undefined)
    await store.upload('a', path)
    expect(readdirSync(join(root, '.tmp'))).toEqual(['lock.sqlite'])
    expect(statSync(join(root, '.tmp', 'lock.sqlite')).size).toBe(0)
  })

  it('hides unfinished files and removes them after a day, but nothing that is not its own', async () => {
    await store.put('a', '1')
    const ours = join(root, '.tmp', 'sluice-1a-0123456789abcdef.part')
    const foreign = join(root, '.tmp', 'someone.part')
    for (const path of [ours, foreign]) writeFileSync(path, 'half')
    utimesSync(ours, 0, 0)
    openDirectoryStore(root)
    expect(await keys()).toEqual(['a'])
    expect(existsSync(ours)).toBe(true)
    vi.useFakeTimers({ now: Date.now() + 25 * 60 * 60 * 1000, toFake: ['Date'] })
    openDirectoryStore(root)
    expect(existsSync(ours)).toBe(false)
    expect(existsSync(foreign)).toBe(true)
  })

  it('goes on when someone removed a directory that it knew', async () => {
    await store.put('a/b/c', '1')
    rmSync(join(root, 'a'), { recursive: true })
    await store.put('a/b/d', '2')
    await store.put('a/b/e', '3', 'absent')
    expect(await keys()).toEqual(['a/b/d', 'a/b/e'])
    rmSync(root, { recursive: true })
    await store.put('x/y', '4', 'absent')
    expect(await keys()).toEqual(['x/y'])
  })

  it('refuses a name that is a file and a directory at once', async () => {
    await store.put('a', '1')
    await store.put('b/c', '2')
    const conflict = { name: 'TerminalError', code: 'OBJECT_KEY_CONFLICT' }
    await expect(store.put('a/x', '3')).rejects.toMatchObject(conflict)
    await expect(store.put('a/x/y', '3', 'absent')).rejects.toMatchObject(conflict)
    await expect(store.put('b', '3')).rejects.toMatchObject(conflict)
    await expect(store.put('b', '3', 'absent')).rejects.toMatchObject(conflict)
    expect(await keys()).toEqual(['a', 'b/c'])
  })

  it('reports what the file system refuses', async () => {
    mkdirSync(root)
    writeFileSync(join(root, '.tmp'), 'not a directory')
    await expect(store.put('a', '1')).rejects.toMatchObject({ code: 'OBJECT_KEY_CONFLICT' })
    await expect(store.upload('a', join(outside, 'none'))).rejects.toMatchObject({
      code: 'OBJECT_STORE_FAILED',
    })
  })
})

describe('links', () => {
  beforeEach(async () => {
    await store.put('in/file', 'inside')
    writeFileSync(join(outside, 'secret'), 'outside')
    mkdirSync(join(outside, 'elsewhere'))
    writeFileSync(join(outside, 'elsewhere', 'x'), 'outside')
  })
  const refused = { name: 'SourceError', code: 'OBJECT_LINK_REFUSED' }

  it('reads a link to a file inside the root', async () => {
    symlinkSync(join(root, 'in', 'file'), join(root, 'alias'))
    expect(Buffer.from((await store.get('alias')).body).toString()).toBe('inside')
    const pin = (await store.head('alias'))!
    expect(readFileSync(await store.download(pin, join(outside, 'work')), 'utf8')).toBe('inside')
    expect(await keys()).toEqual(['alias', 'in/file'])
    await store.delete(['alias'])
    expect(await keys()).toEqual(['in/file'])
  })

  it('takes a link to nothing for nothing', async () => {
    symlinkSync(join(root, 'nothing'), join(root, 'dangling'))
    expect(await store.head('dangling')).toBeUndefined()
    expect(await keys()).toEqual(['in/file'])
  })

  it('refuses a link to a file outside', async () => {
    symlinkSync(join(outside, 'secret'), join(root, 'leak'))
    await expect(store.get('leak')).rejects.toMatchObject(refused)
    await expect(store.head('leak')).rejects.toMatchObject(refused)
    await expect(store.download({ key: 'leak', size: 7, etag: 'x' }, outside)).rejects.toMatchObject(refused)
    await expect(keys()).rejects.toMatchObject(refused)
  })

  it('refuses a link in the place of a directory, for reading, writing, listing and deleting', async () => {
    symlinkSync(join(outside, 'elsewhere'), join(root, 'dir'))
    await expect(store.get('dir/x')).rejects.toMatchObject(refused)
    await expect(store.put('dir/new', 'x')).rejects.toMatchObject(refused)
    await expect(store.put('dir/deep/new', 'x', 'absent')).rejects.toMatchObject(refused)
    await expect(store.delete(['dir/x'])).rejects.toMatchObject(refused)
    await expect(keys()).rejects.toMatchObject(refused)
    await expect(keys('dir/')).rejects.toMatchObject(refused)
    expect(readdirSync(join(outside, 'elsewhere'))).toEqual(['x'])
  })

  it('refuses a link to a directory inside the root too, which would list its files twice', async () => {
    symlinkSync(join(root, 'in'), join(root, 'twice'))
    await expect(store.get('twice/file')).rejects.toMatchObject(refused)
    await expect(keys()).rejects.toMatchObject(refused)
  })

  it('works where the root itself is a link', async () => {
    symlinkSync(root, join(outside, 'entrance'))
    const entrance = openDirectoryStore(join(outside, 'entrance'))
    await entrance.put('in/other', 'x', 'absent')
    expect(await keys('in/', entrance)).toEqual(['in/file', 'in/other'])
    expect(entrance.uri).toBe(`file://${join(outside, 'entrance')}`)
  })

  it('stores a copy of an uploaded file that has other names', async () => {
    const path = join(outside, 'local')
    writeFileSync(path, 'mine')
    linkSync(path, join(outside, 'other-name'))
    await store.upload('k', path)
    writeFileSync(join(outside, 'other-name'), 'YOURS')
    expect(Buffer.from((await store.get('k')).body).toString()).toBe('mine')
    expect(existsSync(path)).toBe(false)
  })

  it('moves an uploaded file with a single name, and links a download, without copying', async () => {
    const path = join(outside, 'local')
    writeFileSync(path, 'mine')
    const { ino } = statSync(path)
    const info = await store.upload('k', path)
    expect(statSync(join(root, 'k')).ino).toBe(ino)
    expect(statSync(await store.download(info, join(outside, 'work'))).ino).toBe(ino)
  })

  it.runIf(existsSync('/dev/shm'))('copies where the local file is on another device', async () => {
    const shm = mkdtempSync('/dev/shm/directory-store-')
    try {
      writeFileSync(join(shm, 'local'), 'far')
      const info = await store.upload('k', join(shm, 'local'), 'absent')
      expect(existsSync(join(shm, 'local'))).toBe(false)
      const path = await store.download(info, shm)
      expect(readFileSync(path, 'utf8')).toBe('far')
      await store.put('k', 'new')
      expect(readFileSync(path, 'utf8')).toBe('far')
      await expect(store.download(info, shm)).rejects.toMatchObject({ code: 'OBJECT_CHANGED' })
    } finally {
      rmSync(shm, { recursive: true })
    }
  })
})

describe('files of other programs', () => {
  it('notices a rewrite in place, by size or by time', async () => {
    mkdirSync(root)
    writeFileSync(join(root, 'f'), 'aaaa')
    utimesSync(join(root, 'f'), 1000, 1000)
    const pin = (await store.head('f'))!
    writeFileSync(join(root, 'f'), 'bbbb')
    expect((await store.head('f'))!.etag).not.toBe(pin.etag)
    await expect(store.download(pin, outside)).rejects.toMatchObject({ code: 'OBJECT_CHANGED' })
  })

  it('fails on a file that no key can name instead of leaving it out', async () => {
    await store.put('a', '1')
    writeFileSync(join(root, 'e\u0301'), 'not NFC')
    await expect(keys()).rejects.toMatchObject({ code: 'OBJECT_KEY_INVALID' })
    rmSync(join(root, 'e\u0301'))
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]), 'not UTF-8')
    await expect(keys()).rejects.toMatchObject({ code: 'OBJECT_KEY_INVALID' })
  })
})

describe('several processes', () => {
  it('absent: exactly one process wins each key', async () => {
    const racer = `
      import { openDirectoryStore } from './directory-object-store.ts'
      const [root, name, start] = process.argv.slice(1)
      const store = openDirectoryStore(root)
      const won = []
      for (let i = 0; i < 120; i++) {
        while (Date.now() < Number(start) + i * 3);
        await store.put('k/' + i, name, 'absent').then(() => won.push('k/' + i), (e) => { if (e.name !== 'ConditionFailedError') throw e })
      }
      console.log(won.join(' '))`
    const start = String(Date.now() + 400)
    const children = ['p', 'q', 'r'].map((name) => startChild(racer, root, name, start))
    const won = (await Promise.all(children.map((child) => child.output))).flatMap((line) =>
      line.trim().split(' '),
    )
    const expected = [...Array(120).keys()].map((i) => `k/${i}`)
    expect(won.filter((key) => key !== '').sort()).toEqual(expected.sort())
  })

  it.each([
    [
      'a replacement of one version',
      (etag: string) => store.put('k', 'ours', { etag }).catch((error) => error.code),
      'OBJECT_CONDITION_FAILED',
      'theirs',
    ],
    ['a replacement of any version', () => store.put('k', 'ours').then((info) => info.key), 'k', 'ours'],
    ['an upload', () => store.upload('k', join(outside, 'local')).then((info) => info.key), 'k', 'ours'],
    ['a deletion', () => store.delete(['k']), undefined, undefined],
  ])(
    '%s waits for another process that is between its comparison and its rename',
    async (_, act, result, after) => {
      const { etag } = await store.put('k', 'base')
      writeFileSync(join(outside, 'local'), 'ours')
      const holder = startChild(
        `import { renameSync, writeFileSync } from 'node:fs'
      import { openDirectoryLock } from './directory-lock.ts'
      const root = process.argv[1]
      openDirectoryLock(root + '/.tmp/lock.sqlite')(() => {
        writeFileSync(root + '/.tmp/theirs', 'theirs')
        process.stdout.write('held\\n')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
        renameSync(root + '/.tmp/theirs', root + '/k')
      })`,
        root,
      )
      await holder.lines(1)
      expect(await act(etag)).toBe(result)
      await holder.output
      const body = (await store.head('k')) && Buffer.from((await store.get('k')).body).toString()
      expect(body).toBe(after)
    },
  )

  it('etag: a counter that all increment loses nothing', async () => {
    await store.put('counter', '0')
    const racer = `
      import { openDirectoryStore } from './directory-object-store.ts'
      const store = openDirectoryStore(process.argv[1])
      for (let done = 0; done < 40; ) {
        const { info, body } = await store.get('counter')
        const next = String(Number(Buffer.from(body).toString()) + 1)
        await store.put('counter', next, { etag: info.etag }).then(() => done++, (e) => { if (e.name !== 'ConditionFailedError') throw e })
      }`
    await Promise.all([1, 2, 3].map(() => startChild(racer, root).output))
    expect(Buffer.from((await store.get('counter')).body).toString()).toBe('120')
  })

  it('download: gives the pinned bytes or none, while another process replaces the object', async () => {
    await store.put('k', 'first')
    const writer = startChild(
      `import { openDirectoryStore } from './directory-object-store.ts'
      const store = openDirectoryStore(process.argv[1])
      for (let i = 0; ; i++) { await store.put('k', 'version ' + i); if (i === 5) console.log('ready') }`,
      root,
    )
    await writer.lines(1)
    const outcomes = { given: 0, OBJECT_CHANGED: 0 }
    for (let i = 0; i < 600; i++) {
      const { info, body } = await store.get('k')
      const path = await store
        .download(info, join(outside, 'work'))
        .catch((error: { code: 'OBJECT_CHANGED' }) => {
          outcomes[error.code] += 1
        })
      if (path === undefined) continue
      outcomes.given += 1
      expect(readFileSync(path).equals(body)).toBe(true)
    }
    await writer.kill()
    expect(outcomes.given + outcomes.OBJECT_CHANGED).toBe(600)
    expect(outcomes.given).toBeGreaterThan(0)
    expect(outcomes.OBJECT_CHANGED).toBeGreaterThan(0)
  })

  it('kill -9: every object is whole, every write that returned is there, and writing goes on', async () => {
    const writer = `
      import { createHash } from 'node:crypto'
      import { writeFileSync } from 'node:fs'
      import { openDirectoryStore } from './directory-object-store.ts'
      const [root, local, seed] = process.argv.slice(1)
      const store = openDirectoryStore(root)
      await Promise.all([0, 1, 2, 3].map(async (w) => {
        for (let i = 0; ; i++) {
          const body = Buffer.alloc(1 + (i * 7919 + w * 104729) % 400000, seed + w + i)
          const whole = Buffer.concat([createHash('sha256').update(body).digest(), body])
          const key = w === 0 ? 'same' : seed + '/' + w + '/' + i
          const path = local + '/' + w
          if (w === 1) { writeFileSync(path, whole); await store.upload(key, path, 'absent') }
          else await store.put(key, whole, w === 2 ? 'absent' : undefined)
          console.log(key)
        }
      }))`
    const isWhole = (bytes: Uint8Array) =>
      createHash('sha256').update(bytes.subarray(32)).digest().equals(bytes.subarray(0, 32))
    for (let round = 0; round < 4; round++) {
      const child = startChild(writer, root, outside, `seed-${round}-${randomBytes(2).toString('hex')}`)
      await child.lines(30 + round * 37)
      const returned = (await child.kill()).split('\n').slice(0, -1)
      expect(returned.length).toBeGreaterThanOrEqual(30)
      for (const key of new Set(returned)) expect(isWhole((await store.get(key)).body)).toBe(true)
      for (const key of await keys()) expect(isWhole((await store.get(key)).body)).toBe(true)
      await store.put('same', readFileSync(join(root, returned[0]!)))
    }
  })
})
