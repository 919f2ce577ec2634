import type { EndHandlers } from '../lambdas/end-run.ts'
import { callHandler, newFunctionsClient } from '../remote/functions.ts'
import type { Stack } from '../remote/stack.ts'

/** Those of the stack: nobody but their roles may delete in its lake, whatever else they may do. */
export function handlersOnStack({ SettleFunctionArn, SealFunctionArn }: Stack): EndHandlers {
  const client = newFunctionsClient()
  return {
    settle: async (event) => await callHandler(client, SettleFunctionArn, event),
    seal: async (event) => await callHandler(client, SealFunctionArn, event),
  }
}
