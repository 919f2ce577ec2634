/** Of the clients of a stack: five tries, and no wait without an end. Milliseconds. */
export const clientConfig = {
  maxAttempts: 5,
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 20_000, throwOnRequestTimeout: true },
} as const
