import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, copyJars, missingProgram } from '../support/programs.ts'
import { here, type LocalServer, startServer, untilReady } from './local-server.ts'

const project = join(here, 'dynamodb-local')

/**
 * Amazon's DynamoDB Local from Maven Central, in memory, on 127.0.0.1 only, at the version of
 * `dynamodb-local/pom.xml`. `SLUICE_TEST_DYNAMODB_LOCAL_URL` names one that runs already.
 */
export async function startDynamoDbLocal(): Promise<LocalServer> {
  const given = process.env.SLUICE_TEST_DYNAMODB_LOCAL_URL
  if (given !== undefined) return { url: given, stop: async () => undefined }
  const missing = await missingProgram(['javac', '-version'], ['java', '-version'], ['mvn', '-version'])
  if (missing !== undefined) return { skipped: `there is no ${missing} on the PATH` }
  const pom = join(project, 'pom.xml')
  const content = await readFile(pom, 'utf8')
  const folder = await cached('dynamodb-local', content, (folder) => copyJars(pom, folder))
  const server = startServer(
    'java',
    [
      '-Xmx512m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      `-Djava.library.path=${folder}`,
      '-cp',
      join(folder, '*'),
      join(project, 'Loopback.java'),
    ],
    {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, JAVA_HOME: process.env.JAVA_HOME },
    },
  )
  const portOf = () => /^listening on (\d+)$/m.exec(server.output())?.[1]
  await untilReady(server, async () => portOf() !== undefined)
  return { url: `http://127.0.0.1:${portOf()}`, stop: server.stop }
}
