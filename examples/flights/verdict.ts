import type { ExecutionResult } from '../../index.ts'

/** The one dataflow of the example that must fail, and the code it must fail with. */
export const expectedFailure = { dataflow: 'airports_strict', code: 'CONTRACT_REJECTED' } as const

/**
 * What in this result is not as the example promises, a sentence each; empty where all is well. All must
 * succeed or have nothing new to do, but for {@link expectedFailure}, which must fail as it is meant to.
 */
export function surprises(result: Pick<ExecutionResult, 'dataflows'>): string[] {
  const expected = result.dataflows.find((flow) => flow.dataflow === expectedFailure.dataflow)
  const missing = expected === undefined ? [`${expectedFailure.dataflow} did not run`] : []
  const others = result.dataflows.flatMap((flow) => {
    const { dataflow, status, reason } = flow
    const code = flow.error?.code
    if (dataflow === expectedFailure.dataflow) {
      if (status === 'failed' && code === expectedFailure.code) return []
      return [`${dataflow} should have failed with ${expectedFailure.code}, and it is ${words(status, code)}`]
    }
    if (status === 'succeeded' || reason === 'nothing_new') return []
    return [`${dataflow} is ${words(status, code ?? reason)}`]
  })
  return [...missing, ...others]
}

function words(status: string, why: string | undefined): string {
  return why === undefined ? status : `${status} (${why})`
}
