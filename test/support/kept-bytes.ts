import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

/** Every byte that is kept of a project's runs, what Parquet has compressed among it. */
export async function keptBytes(
  directory: string,
  below = '.sluice',
  isMeant = (_path: string) => true,
): Promise<string> {
  const home = join(directory, below)
  const paths = (readdirSync(home, { recursive: true }) as string[])
    .filter(isMeant)
    .map((path) => join(home, path))
    .filter((path) => statSync(path).isFile())
  const parts: string[] = []
  for (const path of paths) {
    const body = readFileSync(path)
    parts.push(body.toString('utf8'), body.toString('utf16le'))
    if (!path.endsWith('.parquet')) continue
    const file = body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength) as ArrayBuffer
    const rows = await parquetReadObjects({ file, compressors })
    parts.push(JSON.stringify(rows, (_key, each) => (typeof each === 'bigint' ? String(each) : each)))
  }
  return parts.join('\n')
}
