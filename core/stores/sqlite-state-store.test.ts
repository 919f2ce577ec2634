import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startChild } from './child.suite.ts'
import { openSqliteReader, openSqliteStore } from './sqlite-state-store.ts'
import { runsQuery } from './sqlite-statements.ts'
import { stateStoreSuite } from './state-store.suite.ts'
import type { Item, StateStore } from './state-store.ts'

let folders: string[] = []
let opened: StateStore[] = []
let file: string

function open(path = file, busyTimeoutMs?: number) {
  const store = openSqliteStore(path, busyTimeoutMs === undefined ? {} : { busyTimeoutMs })
  opened.push(store.state)
  return store
}

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sqlite-store-'))
  folders.push(folder)
  return join(folder, 'state', 'sluice.db')
}

function cleanup(): void {
  for (const state of opened) state.close()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  opened = []
  folders = []
}

stateStoreSuite('an SQLite file', async () => {
  const path = newFile()
  const own: StateStore[] = []
  const reopen = async () => {
    const store = openSqliteStore(path)
    own.push(store.state)
    return store
  }
  return {
    ...(await reopen()),
    reopen,
    cleanup: async () => {
      for (const state of own) state.close()
      rmSync(join(path, '..', '..'), { recursive: true, force: true })
    },
  }
})

beforeEach(() => {
  file = newFile()
})
afterEach(cleanup)

const table = { namespace: 'bronze', name: 'flights' }

describe('the file', () => {
  it("has the tables of Iceberg's SQL catalog, with the rows that PyIceberg and Java read", async () => {
    const { state } = open()
    await state.transact([{ kind: 'pointer', table, base: undefined, next: 'file:///lake/1.json' }])
    await state.transact([
      { kind: 'pointer', table, base: 'file:///lake/1.json', next: 'file:///lake/2.json' },
    ])
    const database = new DatabaseSync(file, { readOnly: true })
    expect({ ...database.prepare('SELECT * FROM iceberg_tables').get() }).toEqual({
      catalog_name: 'sluice',
      table_namespace: 'bronze',
      table_name: 'flights',
      metadata_location: 'file:///lake/2.json',
      previous_metadata_location: 'file:///lake/1.json',
      iceberg_type: 'TABLE',
    })
    expect(
      database
        .prepare('SELECT * FROM iceberg_namespace_properties')
        .all()
        .map((row) => ({ ...row })),
    ).toEqual([
      { catalog_name: 'sluice', namespace: 'bronze', property_key: 'exists', property_value: 'true' },
    ])
    database.close()
  })

  it('works beside another program that commits to the catalog', async () => {
    const { state, catalog } = open()
    await state.transact([{ kind: 'pointer', table, base: undefined, next: '1' }])
    const other = new DatabaseSync(file)
    other.exec(
      `UPDATE iceberg_tables SET metadata_location = '2', previous_metadata_location = '1' WHERE metadata_location = '1'`,
    )
    other.exec(
      `INSERT INTO iceberg_tables VALUES ('sluice', 'bronze', 'a_view', 'v', NULL, 'VIEW'), ('sluice', 'bronze', 'java_v0', 'j', NULL, NULL), ('theirs', 'bronze', 'foreign', 'f', NULL, 'TABLE')`,
    )
    other.close()
    await expect(state.transact([{ kind: 'pointer', table, base: '1', next: '3' }])).rejects.toMatchObject({
      code: 'TABLE_POINTER_MOVED',
    })
    expect(await catalog.load(table)).toBe('2')
    expect(await catalog.list()).toEqual([table, { namespace: 'bronze', name: 'java_v0' }])
    expect(await catalog.load({ namespace: 'bronze', name: 'a_view' })).toBeUndefined()
    const overView = { namespace: 'bronze', name: 'a_view' }
    await expect(
      state.transact([{ kind: 'pointer', table: overView, base: undefined, next: 'x' }]),
    ).rejects.toMatchObject({ code: 'TABLE_POINTER_MOVED' })
    await expect(
      state.transact([{ kind: 'pointer', table: overView, base: 'v', next: 'x' }]),
    ).rejects.toMatchObject({ code: 'TABLE_POINTER_MOVED' })
  })

  it('takes over a catalog that another program made, of either version', async () => {
    for (const type of ['', ', iceberg_type VARCHAR(5)']) {
      const flat = join(newFile(), '..', '..', 'catalog.db')
      const theirs = new DatabaseSync(flat)
      theirs.exec(
        `CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000)${type}, PRIMARY KEY (catalog_name, table_namespace, table_name))`,
      )
      theirs.exec(
        `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location) VALUES ('sluice', 'b', 'old', 'o')`,
      )
      theirs.close()
      const { state, catalog } = open(flat)
      await state.transact([{ kind: 'pointer', table, base: undefined, next: 'n' }])
      expect(await catalog.list()).toEqual([{ namespace: 'b', name: 'old' }, table])
      expect(await open(flat).catalog.load(table)).toBe('n')
    }
  })

  it('keeps a log, and syncs a commit but not a gate record', async () => {
    const { state } = open()
    await state.transact([{ kind: 'put', item: { pk: 'a', sk: 'b' } }])
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(0)
    const syncs = `
      import { openSqliteStore } from './sqlite-state-store.ts'
      import { DatabaseSync } from 'node:sqlite'
      const modes = []
      const exec = DatabaseSync.prototype.exec
      DatabaseSync.prototype.exec = function (sql) {
        if (sql === 'COMMIT') modes.push(this.prepare('PRAGMA synchronous').get().synchronous)
        return exec.call(this, sql)
      }
      const { state } = openSqliteStore(process.argv[1])
      modes.length = 0
      await state.transact([{ kind: 'put', item: { pk: 'RUN#1', sk: 'META' } }])
      await state.transact([{ kind: 'put', item: { pk: 'FLOW#1', sk: 'gate' } }])
      await state.transact([{ kind: 'put', item: { pk: 'x', sk: 'y' } }, { kind: 'pointer', table: { namespace: 'b', name: 't' }, base: undefined, next: '1' }])
      await state.transact([{ kind: 'delete', pk: 'x', sk: 'y' }])
      await Promise.all(['FLOW', 'META', 'GATE'].map((sk) => state.transact([{ kind: 'put', item: { pk: 'RUN#1', sk } }])))
      console.log(modes.join(' '))`
    const full = 2
    const normal = 1
    expect((await startChild(syncs, file).output).trim()).toBe([full, normal, full, normal, full].join(' '))
  })

  it('lists runs from the index, without sorting', () => {
    open()
    const database = new DatabaseSync(file, { readOnly: true })
    const plan = database
      .prepare(`EXPLAIN QUERY PLAN ${runsQuery}`)
      .all(10)
      .map((row) => String(row.detail))
    database.close()
    expect(plan).toEqual([expect.stringContaining('USING INDEX runs_by_start')])
  })

  it('is opened without a word on stderr', async () => {
    const script = `import { openSqliteStore } from './sqlite-state-store.ts'
      process.on('warning', (warning) => { console.log(warning.message) })
      openSqliteStore(process.argv[1]).state.close()
      process.emitWarning('others pass')`
    expect((await startChild(script, file).output).trim()).toBe('others pass')
  })
})

describe('refuses', () => {
  it('a file of another program', () => {
    const path = join(newFile(), '..', '..', 'x.db')
    const other = new DatabaseSync(path)
    other.exec('CREATE TABLE invoices (id INTEGER)')
    other.close()
    expect(() => open(path)).toThrow(
      expect.objectContaining({ name: 'TerminalError', code: 'STATE_STORE_FOREIGN' }),
    )
    expect(() => open(path)).toThrow(/invoices/)
  })

  it('a newer schema, and leaves it as it is', () => {
    open().state.close()
    const newer = new DatabaseSync(file)
    newer.exec('PRAGMA user_version = 2')
    newer.close()
    expect(() => open()).toThrow(
      expect.objectContaining({ name: 'TerminalError', code: 'STATE_STORE_NEWER' }),
    )
  })

  it('what is no database, or a damaged one', async () => {
    const path = join(newFile(), '..', '..', 'x.db')
    writeFileSync(path, 'not a database, '.repeat(1000))
    expect(() => open(path)).toThrow(
      expect.objectContaining({ name: 'TerminalError', code: 'STATE_STORE_CORRUPT' }),
    )
    const { state } = open()
    for (let i = 0; i < 50; i++)
      await state.transact([{ kind: 'put', item: { pk: 'p', sk: `${i}`, body: 'x'.repeat(3000) } }])
    state.close()
    const size = statSync(file).size
    writeFileSync(file, Buffer.alloc(size - 4096, 0x5a), { flag: 'r+' })
    expect(() => open()).toThrow(expect.objectContaining({ code: 'STATE_STORE_CORRUPT' }))
  })

  it('a directory', () => {
    expect(() => open(tmpdir())).toThrow(
      expect.objectContaining({ name: 'TerminalError', code: 'STATE_STORE_FAILED' }),
    )
  })

  it('to be used after it was closed', async () => {
    const { state, catalog } = open()
    state.close()
    const closed = { name: 'TerminalError', code: 'STATE_STORE_CLOSED' }
    await expect(state.get('a', 'b')).rejects.toMatchObject(closed)
    await expect(state.transact([{ kind: 'put', item: { pk: 'a', sk: 'b' } }])).rejects.toMatchObject(closed)
    await expect(catalog.list()).rejects.toMatchObject(closed)
  })
})

describe('transactions of one turn', () => {
  const put = (sk: string, expect: 'absent' | { readonly by: string } = 'absent', by = sk) =>
    ({ kind: 'put', item: { pk: 'p', sk, by }, expect }) as const

  it('take effect in their order, each whole or not at all', async () => {
    const { state, catalog } = open()
    const outcomes = await Promise.allSettled([
      state.transact([put('a')]),
      state.transact([put('b'), put('a', 'absent', 'second')]),
      state.transact([
        put('a', { by: 'a' }, 'third'),
        { kind: 'pointer', table, base: undefined, next: '1' },
      ]),
      state.transact([{ kind: 'pointer', table, base: undefined, next: '2' }, put('c')]),
      state.transact([put('b')]),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect(outcomes[1]).toMatchObject({ reason: { code: 'STATE_CONDITION_FAILED', index: 1 } })
    expect(outcomes[3]).toMatchObject({ reason: { code: 'TABLE_POINTER_MOVED', index: 0 } })
    expect(await collect(state.query('p'))).toEqual([
      { pk: 'p', sk: 'a', by: 'third' },
      { pk: 'p', sk: 'b', by: 'b' },
    ])
    expect(await catalog.load(table)).toBe('1')
  })

  it('all fail where their commit does, also those that failed over what was not committed', async () => {
    const { state } = open(file, 50)
    const original = DatabaseSync.prototype.exec
    const exec = vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (
      this: DatabaseSync,
      sql,
    ) {
      if (sql === 'COMMIT') throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
      return original.call(this, sql)
    })
    const outcomes = await Promise.allSettled([state.transact([put('a')]), state.transact([put('a')])])
    exec.mockRestore()
    const unknown = { reason: { name: 'UnknownOutcomeError', code: 'STATE_WRITE_UNKNOWN' } }
    expect(outcomes).toMatchObject([unknown, unknown])
    expect(await state.get('p', 'a')).toBeUndefined()
    await state.transact([put('a')])
  })

  it('are committed before the file is closed', async () => {
    const { state } = open()
    const written = state.transact([put('a')])
    state.close()
    await written
    expect(await open().state.get('p', 'a')).toBeDefined()
  })
})

describe('several processes', () => {
  it('says that another process holds the file, and works when it lets go', async () => {
    const { state } = open(file, 50)
    const holder = new DatabaseSync(file)
    holder.exec('BEGIN IMMEDIATE')
    const write = [{ kind: 'put', item: { pk: 'a', sk: 'b' } }] as const
    await expect(state.transact(write)).rejects.toMatchObject({
      name: 'RetryableError',
      code: 'STATE_STORE_BUSY',
    })
    expect(await state.get('a', 'b')).toBeUndefined()
    holder.exec('ROLLBACK')
    holder.close()
    await state.transact(write)
    expect(await state.get('a', 'b')).toEqual({ pk: 'a', sk: 'b' })
  })

  it('waits for a reader that stands in the way of the change to a log', async () => {
    const path = join(newFile(), '..', '..', 'catalog.db')
    const theirs = new DatabaseSync(path)
    theirs.exec(
      'CREATE TABLE iceberg_tables (catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location)',
    )
    theirs.close()
    const reader = startChild(
      `import { DatabaseSync } from 'node:sqlite'
      const database = new DatabaseSync(process.argv[1])
      database.exec('BEGIN')
      database.prepare('SELECT * FROM iceberg_tables').all()
      process.stdout.write('reading\\n')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
      database.exec('COMMIT')`,
      path,
    )
    await reader.lines(1)
    expect(() => open(path, 20)).toThrow(
      expect.objectContaining({ name: 'RetryableError', code: 'STATE_STORE_BUSY' }),
    )
    expect(await open(path).catalog.list()).toEqual([])
    await reader.output
  })

  it('open a new file at the same moment, a hundred times', async () => {
    const folder = join(newFile(), '..')
    const opener = `
      import { openSqliteStore } from './sqlite-state-store.ts'
      const [folder, start] = process.argv.slice(1)
      for (let i = 0; i < 100; i++) {
        while (Date.now() < Number(start) + i * 12);
        openSqliteStore(folder + '/' + i + '.db').state.close()
      }`
    const start = String(Date.now() + 400)
    await Promise.all([1, 2, 3, 4].map(() => startChild(opener, folder, start).output))
    expect(await open(join(folder, '99.db')).catalog.list()).toEqual([])
  })

  it('race on a new file: exactly one wins each swap and each item', async () => {
    const racer = `
      import { openSqliteStore } from './sqlite-state-store.ts'
      const [file, name] = process.argv.slice(1)
      const { state, catalog } = openSqliteStore(file)
      const table = { namespace: 'b', name: 't' }
      const lost = (error) => { if (error.name !== 'ConditionFailedError') throw error }
      const won = []
      for (let i = 0; i < 150; i++) {
        const base = await catalog.load(table)
        const round = base === undefined ? 0 : Number(base.split('-')[0]) + 1
        await state.transact([
          { kind: 'pointer', table, base, next: round + '-' + name },
          { kind: 'put', item: { pk: 'COMMIT', sk: String(round).padStart(6, '0'), name }, expect: 'absent' },
        ]).then(() => won.push(round + '-' + name), lost)
        await state.transact([{ kind: 'put', item: { pk: 'ITEM', sk: String(i), name }, expect: 'absent' }]).then(() => won.push('item-' + i), lost)
      }
      console.log(won.join(' '))`
    const names = ['p', 'q', 'r', 's']
    const children = names.map((name) => startChild(racer, file, name))
    const won = (await Promise.all(children.map((child) => child.output))).flatMap((line) =>
      line.trim().split(' '),
    )
    expect(new Set(won).size).toBe(won.length)
    expect(won.filter((win) => win.startsWith('item-'))).toHaveLength(150)
    const { state, catalog } = open()
    const commits = (await collect(state.query('COMMIT'))).map((item) => `${Number(item.sk)}-${item.name}`)
    expect(commits.map((commit) => Number(commit.split('-')[0]))).toEqual([...commits.keys()])
    expect([...commits].sort()).toEqual(won.filter((win) => !win.startsWith('item-')).sort())
    expect(await catalog.load({ namespace: 'b', name: 't' })).toBe(commits.at(-1))
  })

  it('kill -9: the file opens with every transaction that returned, and none in part', async () => {
    const writer = `
      import { openSqliteStore } from './sqlite-state-store.ts'
      const [file] = process.argv.slice(1)
      const { state, catalog } = openSqliteStore(file)
      const table = { namespace: 'b', name: 't' }
      for (;;) {
        const base = await catalog.load(table)
        const n = base === undefined ? 0 : Number(base) + 1
        const items = Array.from({ length: 20 }, (_, i) => ({ kind: 'put', item: { pk: 'N#' + n, sk: String(i), body: 'x'.repeat(n % 5000) } }))
        await state.transact([...items, { kind: 'put', item: { pk: 'HEAD', sk: 'HEAD', n } }, { kind: 'pointer', table, base, next: String(n) }])
        await state.transact([{ kind: 'put', item: { pk: 'SEEN', sk: 'SEEN', n } }])
        console.log(n)
      }`
    let last = -1
    for (let round = 0; round < 4; round++) {
      const child = startChild(writer, file)
      await child.lines(20 + round * 91)
      const returned = Number((await child.kill()).trim().split('\n').at(-1))
      const { state, catalog } = open()
      const now = Number(await catalog.load({ namespace: 'b', name: 't' }))
      expect(now).toBeGreaterThanOrEqual(returned)
      expect(now).toBeLessThanOrEqual(returned + 2)
      expect(await state.get('HEAD', 'HEAD')).toMatchObject({ n: now })
      expect((await state.get('SEEN', 'SEEN'))!.n).toBeGreaterThanOrEqual(returned)
      for (let n = last + 1; n <= now; n++) expect(await collect(state.query(`N#${n}`))).toHaveLength(20)
      expect(await collect(state.query(`N#${now + 1}`))).toEqual([])
      last = now
      state.close()
      const database = new DatabaseSync(file)
      expect(database.prepare('PRAGMA integrity_check').get()).toMatchObject({ integrity_check: 'ok' })
      database.close()
    }
  })

  it('a full disk under COMMIT is an unknown outcome, and what is read back is whole', async () => {
    open().state.close()
    const writer = join(file, '..', 'writer.mjs')
    const here = new URL('.', import.meta.url).href
    writeFileSync(
      writer,
      `import { openSqliteStore } from '${here}sqlite-state-store.ts'
      const { state } = openSqliteStore(${JSON.stringify(file)})
      for (let n = 0; n < 200; n++) {
        try {
          await state.transact(['a', 'b'].map((sk) => ({ kind: 'put', item: { pk: 'N#' + n, sk, body: 'x'.repeat(9000) } })))
        } catch (error) {
          const there = await Promise.all(['a', 'b'].map((sk) => state.get('N#' + n, sk)))
          console.log(n, error.name, error.code, there.filter((item) => item !== undefined).length)
          break
        }
      }`,
    )
    // A limit of the file size in blocks of 1,024 bytes; without the trap the kernel would kill the process.
    const limited = `trap '' XFSZ; ulimit -f 400; exec "$0" "$1"`
    const output = execFileSync('bash', ['-c', limited, process.execPath, writer], { encoding: 'utf8' })
    const [n, name, code, there] = output.trim().split(' ')
    expect([name, code, there]).toEqual(['UnknownOutcomeError', 'STATE_WRITE_UNKNOWN', '0'])
    const { state } = open()
    for (let i = 0; i < Number(n); i++) expect(await collect(state.query(`N#${i}`))).toHaveLength(2)
    await state.transact([{ kind: 'put', item: { pk: `N#${n}`, sk: 'a' } }])
  })
})

async function collect(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = []
  for await (const item of items) collected.push(item)
  return collected
}

describe('openSqliteReader', () => {
  it('opens only what is there, and refuses what is another program’s', () => {
    const path = newFile()
    expect(openSqliteReader(path)).toBeUndefined()
    open(path)
    const reader = openSqliteReader(path)
    expect(Object.keys(reader?.state ?? {})).not.toContain('transact')
    reader?.state.close()
    const foreign = join(folders[0] as string, 'foreign.db')
    const database = new DatabaseSync(foreign)
    database.exec('CREATE TABLE theirs (a)')
    database.close()
    expect(() => openSqliteReader(foreign)).toThrow(expect.objectContaining({ code: 'STATE_STORE_FOREIGN' }))
  })
})
