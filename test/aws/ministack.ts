import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missingProgram, pythonEnvironment } from '../support/programs.ts'
import { freePort, here, type LocalServer, startServer, untilReady } from './local-server.ts'

/**
 * MiniStack, an emulator of AWS, in a virtual environment of its own, from PyPI, at the versions of
 * `ministack.txt`. `SLUICE_TEST_MINISTACK_URL` names one that runs already, in a container for instance.
 *
 * `env` is added to its environment: `PATH` and `NODE_PATH` decide what its Lambda functions run on.
 */
export async function startMiniStack(env: Readonly<Record<string, string>> = {}): Promise<LocalServer> {
  const given = process.env.SLUICE_TEST_MINISTACK_URL
  if (given !== undefined) return { url: given, stop: async () => undefined }
  const missing = await missingProgram(['python3', '-c', 'import venv, ensurepip'])
  if (missing !== undefined) return { skipped: 'there is no python3 with the venv module on the PATH' }
  const requirements = join(here, 'ministack.txt')
  const folder = await pythonEnvironment('ministack', requirements, await readFile(requirements, 'utf8'))
  const port = await freePort()
  const home = await mkdtemp(join(tmpdir(), 'ministack-'))
  const server = startServer(
    join(folder, 'bin', 'python'),
    [join(here, 'run-with-parent.py'), join(here, 'start-ministack.py')],
    {
      cwd: home,
      env: {
        PATH: process.env.PATH,
        HOME: home,
        TMPDIR: home,
        STATE_DIR: home,
        // Its defaults are all interfaces, and listeners for MQTT and SFTP beside the one for HTTP.
        BIND_HOST: '127.0.0.1',
        IOT_MTLS_ENABLED: '0',
        SFTP_ENABLED: '0',
        GATEWAY_PORT: String(port),
        ...env,
      },
    },
  )
  const url = `http://127.0.0.1:${port}`
  await untilReady(server, async () => (await fetch(`${url}/_ministack/health`)).ok)
  return {
    url,
    stop: async () => {
      await server.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}
