import { describe, expect, it } from 'vitest'
import { ContractError, TerminalError } from '../core/errors.ts'
import type { Ports } from '../core/ports.ts'
import { controlHandler } from './control-handler.ts'

const ports = { worker: { id: 'w' } } as Ports

describe('controlHandler', () => {
  it('hands event and ports on and returns the result', async () => {
    const handler = controlHandler<{ n: number }>('double', async (event, given) => {
      expect(given.worker).toBe(ports.worker)
      return { n: event.n * 2 }
    })
    expect(await handler({ n: 21 }, { ports })).toEqual({ n: 42 })
  })

  it('rethrows the very error, so that its name reaches Retry and Catch', async () => {
    const error = new ContractError({ code: 'X', fact: 'no' })
    const handler = controlHandler('fails', async () => {
      throw error
    })
    await expect(handler({}, { ports })).rejects.toBe(error)
    expect(error.name).toBe('ContractError')
  })

  it('does not take undefined for a success that another middleware could replace', async () => {
    expect(await controlHandler('nothing', async () => undefined)({}, { ports })).toBeUndefined()
  })

  it('refuses a result above 16 KiB', async () => {
    const handler = controlHandler('large', async () => ({ text: 'x'.repeat(16 * 1024) }))
    await expect(handler({}, { ports })).rejects.toMatchObject({
      name: 'TerminalError',
      code: 'RESULT_TOO_LARGE',
    })
    const fits = controlHandler('fits', async () => ({ text: 'x'.repeat(16_000) }))
    await expect(fits({}, { ports })).resolves.toBeDefined()
  })

  it('stops seconds before the timeout of its function, and tells the work', async () => {
    let aborted = false
    const handler = controlHandler('slow', async (_event, _ports, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      aborted = true
      return new Promise(() => undefined)
    })
    await expect(handler({}, { ports, getRemainingTimeInMillis: () => 5_050 })).rejects.toMatchObject({
      code: 'HANDLER_TIMEOUT',
    })
    expect(aborted).toBe(true)
  })

  it('is aborted with the execution', async () => {
    const abort = new AbortController()
    const handler = controlHandler('waits', async (_event, _ports, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      signal.throwIfAborted()
    })
    const result = handler({}, { ports, signal: abort.signal })
    abort.abort(new TerminalError({ code: 'STOP', fact: 'stop' }))
    await expect(result).rejects.toMatchObject({ code: 'STOP' })
  })

  it('refuses a call without ports', async () => {
    await expect(controlHandler('x', async () => 1)({}, {})).rejects.toMatchObject({
      code: 'ENVIRONMENT_INCOMPLETE',
    })
  })
})
