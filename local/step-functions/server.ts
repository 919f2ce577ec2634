import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ServiceError } from './errors.ts'
import { type ExecutionPorts, openExecutions } from './executions.ts'
import { type Operation, operations } from './operations.ts'
import type { Parameters } from './parameters.ts'
import type { FindStateMachine } from './state-machines.ts'

export interface ServerOptions extends ExecutionPorts {
  readonly findStateMachine: FindStateMachine
  /** Default: any free one. */
  readonly port?: number
}

export interface StepFunctionsServer {
  /** For `AWS_ENDPOINT_URL_SFN`. */
  readonly url: string
  /** Aborts what is running and waits for its tasks. */
  stop(): Promise<void>
}

/** Serves on 127.0.0.1 only: whoever reaches it can have functions called. Rejects when the port is taken. */
export async function startStepFunctions(options: ServerOptions): Promise<StepFunctionsServer> {
  const executions = openExecutions(options)
  const served = operations(options.findStateMachine, executions)
  const server = createServer((request, response) => void answer(served, request, response))
  await new Promise<void>((listening, failed) => {
    server.once('error', failed)
    server.listen(options.port ?? 0, '127.0.0.1', listening)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()))
      await executions.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  served: Readonly<Record<string, Operation>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const operation = find(served, request)
    send(response, 200, await operation(await body(request)))
  } catch (error) {
    const known = error instanceof ServiceError
    const { name, status } = known ? error : { name: 'InternalFailure', status: 500 }
    const message = error instanceof Error ? error.message : String(error)
    send(response, status, { __type: `com.amazonaws.states#${name}`, message })
  }
}

/** AWS JSON 1.0: every request is a POST to `/`, and a header says what it asks for. */
function find(served: Readonly<Record<string, Operation>>, request: IncomingMessage): Operation {
  const target = String(request.headers['x-amz-target'] ?? '')
  const name = /^AWSStepFunctions\.([A-Za-z]+)$/.exec(target)?.[1]
  if (request.method !== 'POST' || request.url !== '/' || name === undefined) {
    throw new ServiceError('UnknownOperationException', `${request.method} ${request.url} is no request`)
  }
  if (Object.hasOwn(served, name)) return served[name] as Operation
  throw new ServiceError('UnknownOperationException', `${name} is not supported here`)
}

/** 1 MB (Step Functions quotas). */
const requestLimit = 1_000_000

async function body(request: IncomingMessage): Promise<Parameters> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.byteLength
    if (size > requestLimit) throw new ServiceError('RequestEntityTooLarge', 'The request is too large', 413)
    parts.push(part)
  }
  try {
    const parsed: unknown = JSON.parse(Buffer.concat(parts).toString('utf8') || '{}')
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Parameters
  } catch {
    // Reported below, like JSON that is no object.
  }
  throw new ServiceError('SerializationException', 'The request is no JSON object')
}

function send(response: ServerResponse, status: number, content: Parameters): void {
  if (response.destroyed) return
  response.writeHead(status, { 'Content-Type': 'application/x-amz-json-1.0' })
  response.end(JSON.stringify(content))
}
