import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { openWorker, workerState } from './worker.ts'

test('a worker of this process is alive until its workspace closes', () => {
  const worker = openWorker()
  expect(workerState(worker.id)).toBe('alive')
  worker.close()
  expect(workerState(worker.id)).toBe('dead')
})

test('one with our own number that we do not know had it before us', () => {
  expect(workerState(`${hostname()}/${process.pid}/deadbeef`)).toBe('dead')
})

test('another process is alive as long as it lives', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  const id = `${hostname()}/${child.pid}/deadbeef`
  expect(workerState(id)).toBe('alive')
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(workerState(id)).toBe('dead')
})

test('of another machine nothing can be seen', () => {
  const worker = openWorker()
  expect(workerState('somewhere-else/1/deadbeef')).toBe('elsewhere')
  expect(worker.isGone('somewhere-else/1/deadbeef')).toBe(false)
  worker.close()
})
