import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn'
import { describe, expect, it } from 'vitest'
import { awsFailure } from './aws-words.ts'

/** The error that the stock client makes of an answer of Step Functions; without one, of a port that nobody listens on. */
async function errorOf(answer?: { status: number; type: string; message: string }): Promise<unknown> {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(answer?.status ?? 200, { 'content-type': 'application/x-amz-json-1.0' })
    response.end(JSON.stringify({ __type: answer?.type, message: answer?.message }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  if (answer === undefined) {
    server.close()
    await once(server, 'close')
  }
  const client = new SFNClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'y' },
    maxAttempts: 1,
  })
  try {
    const executionArn = 'arn:aws:states:eu-west-1:123456789012:execution:Run:r1'
    return await client.send(new DescribeExecutionCommand({ executionArn })).catch((error: unknown) => error)
  } finally {
    client.destroy()
    server.closeAllConnections()
    server.close()
  }
}

describe('an error of AWS in words', () => {
  const denied =
    'User: arn:aws:iam::1:user/ada is not authorized to perform: states:DescribeExecution on resource: x because no policy allows it'
  it.each([
    [400, 'AccessDeniedException', denied, 'AWS_DENIED', 'AWS refused states:DescribeExecution ('],
    [400, 'ExpiredTokenException', 'The token has expired', 'AWS_CREDENTIALS', 'credentials have expired'],
    [400, 'UnrecognizedClientException', 'no such key', 'AWS_CREDENTIALS', 'no valid AWS credentials'],
    [400, 'ThrottlingException', 'Rate exceeded', 'AWS_THROTTLED', 'for the moment'],
    [500, 'InternalServerError', 'oops', 'AWS_UNANSWERED', 'may or may not'],
    [400, 'InvalidArn', 'not an arn', 'AWS_REFUSED', 'InvalidArn: not an arn'],
    [301, 'PermanentRedirect', 'elsewhere', 'AWS_REFUSED', 'another region'],
  ])('%i %s', async (status, type, message, code, words) => {
    const failure = awsFailure(await errorOf({ status, type, message }))
    expect(failure).toMatchObject({ code, message: expect.stringContaining(words) })
  })

  it('says so where nothing can be reached', async () => {
    expect(awsFailure(await errorOf())).toMatchObject({ code: 'AWS_UNREACHABLE' })
  })

  it('leaves alone what no AWS client has made', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), {
      code: 'ECONNREFUSED',
      syscall: 'connect',
    })
    expect(awsFailure(refused)).toBeUndefined()
    expect(awsFailure(new TypeError('x'))).toBeUndefined()
  })
})
