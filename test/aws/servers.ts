import type { TestProject } from 'vitest/node'
import { startDynamoDbLocal } from './dynamodb-local.ts'
import type { LocalServer } from './local-server.ts'
import { startMiniStack } from './ministack.ts'

/** Where a suite finds its server, or why it is skipped. */
export type Endpoint = { readonly url: string } | { readonly skipped: string }

declare module 'vitest' {
  export interface ProvidedContext {
    ministack: Endpoint
    dynamodbLocal: Endpoint
  }
}

/**
 * Starts the servers once for all suites. One that this machine cannot run is named, and its suites are
 * skipped; with `SLUICE_TEST_AWS=all` that is an error.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = await Promise.allSettled([startMiniStack(), startDynamoDbLocal()])
  const stop = async () => {
    for (const each of started) {
      if (each.status === 'fulfilled' && 'url' in each.value) await each.value.stop()
    }
  }
  try {
    const [ministack, dynamodbLocal] = started.map((each) => {
      if (each.status === 'rejected') throw each.reason
      return each.value
    })
    const endpoint = endpointOf('MiniStack', ministack!)
    project.provide('ministack', endpoint)
    if ('url' in endpoint) sayWhyNoCloud(endpoint)
    project.provide('dynamodbLocal', endpointOf('DynamoDB Local', dynamodbLocal!))
    return stop
  } catch (error) {
    await stop()
    throw error
  }
}

/** What keeps a stack from being deployed here, given what became of the MiniStack of the other suites. */
export function whyNoCloud(ministack: Endpoint | undefined): string | undefined {
  if (ministack === undefined) return 'runs under npm run test:aws only'
  if ('skipped' in ministack) return ministack.skipped
  if (process.env.SLUICE_TEST_MINISTACK_URL === undefined) return undefined
  return 'SLUICE_TEST_MINISTACK_URL names a MiniStack without the patches of start-ministack.py: its functions report no error names, and its schedules start nothing'
}

function sayWhyNoCloud(ministack: Endpoint): void {
  const why = whyNoCloud(ministack)
  if (why === undefined) return
  const message = `The deployed stack is not tested: ${why}.`
  if (process.env.SLUICE_TEST_AWS === 'all') throw new Error(message)
  process.stderr.write(`\n${message}\n\n`)
}

function endpointOf(name: string, server: LocalServer): Endpoint {
  if ('url' in server) return { url: server.url }
  const message = `${name} is not started: ${server.skipped}. The suites against it are skipped.`
  if (process.env.SLUICE_TEST_AWS === 'all') throw new Error(message)
  process.stderr.write(`\n${message}\n\n`)
  return { skipped: server.skipped }
}
