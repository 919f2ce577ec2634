import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SeenRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** `breaks`: the connection is cut after this many bytes of the body. `'reset'`: before any answer. */
export type ScriptedAnswer =
  | 'reset'
  | {
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
      readonly breaks?: number
    }

export interface ScriptedServer {
  readonly url: string
  readonly requests: SeenRequest[]
  stop(): Promise<void>
}

/** A service on a loopback port that answers as it is told, for what no emulator does when asked to. */
export async function startScriptedServer(
  answer: (request: SeenRequest, count: number) => ScriptedAnswer,
): Promise<ScriptedServer> {
  const requests: SeenRequest[] = []
  const server = createServer(async (incoming, outgoing) => {
    const { method, url, headers } = incoming
    const body = await bodyOf(incoming)
    if (body === undefined) return
    const request = { method: method ?? '', path: url ?? '', headers, body }
    requests.push(request)
    give(outgoing, answer(request, requests.length))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

/** `undefined`: the client hung up, as one does that aborts an upload. */
async function bodyOf(incoming: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
  } catch {
    return undefined
  }
  return Buffer.concat(chunks).toString('latin1')
}

function give(outgoing: ServerResponse, answer: ScriptedAnswer): void {
  if (answer === 'reset') {
    outgoing.socket?.destroy()
    return
  }
  const body = Buffer.from(answer.body ?? '')
  outgoing.writeHead(answer.status, { 'content-length': body.byteLength, ...answer.headers })
  if (answer.breaks === undefined) outgoing.end(body)
  else outgoing.write(body.subarray(0, answer.breaks), () => outgoing.socket?.destroy())
}
