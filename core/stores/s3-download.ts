import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { awsFault } from './aws-faults.ts'
import { inParallel } from './aws-parallel.ts'
import { directoryFault } from './directory-faults.ts'
import type { ObjectPin } from './object-store.ts'
import type { S3Place } from './s3-place.ts'
import { type ByteRange, fetchPinned } from './s3-read.ts'
import { rangedAbove, rangeSize } from './s3-sizes.ts'

const rangesAtOnce = 6
/** With Node's default of 64 KiB the event loop costs as much CPU again as the copy. */
const writeBuffer = 8 * 1024 * 1024

/** The pinned version as a file of its own under `into`. A failure leaves none. */
export async function downloadObject(place: S3Place, pin: ObjectPin, into: string): Promise<string> {
  const folder = await locally(into, async () => {
    await mkdir(into, { recursive: true })
    return await mkdtemp(join(into, 'object-'))
  })
  const path = join(folder, basename(pin.key))
  const fetch = async (range: ByteRange | undefined, signal?: AbortSignal) => {
    const write = async (body: unknown) => {
      const file = createWriteStream(path, {
        flags: 'r+',
        start: range?.start ?? 0,
        highWaterMark: writeBuffer,
      })
      await pipeline(body as Readable, file, { ...(signal && { signal }) })
    }
    await fetchPinned(place, pin, range, write, signal)
  }
  try {
    await locally(path, async () => {
      await writeFile(path, '')
      await truncate(path, pin.size)
      if (pin.size > rangedAbove) await inParallel(rangesOf(pin.size), rangesAtOnce, fetch)
      else await fetch(undefined)
    })
    return path
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** Gives the errors of the local disk their words. */
export async function locally<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw awsFault(error) ? error : directoryFault(error, dirname(path), basename(path))
  }
}

function rangesOf(size: number): readonly ByteRange[] {
  return Array.from({ length: Math.ceil(size / rangeSize) }, (_, i) => ({
    start: i * rangeSize,
    end: Math.min(size, (i + 1) * rangeSize),
  }))
}
