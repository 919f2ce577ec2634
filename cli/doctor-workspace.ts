import { randomUUID } from 'node:crypto'
import { accessSync, constants, existsSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Check, check } from './doctor-check.ts'
import { bytes } from './words.ts'

/** Bytes. Below the first a run of any size is a risk; below the second even the state file is. */
const littleSpace = 2e9
const noSpace = 200e6

/** The workspace by a probe file; where there is none yet, the directory that it would be made in. */
export function checkWorkspace(home: string): Check[] {
  const place = nearestExisting(home)
  try {
    if (place !== home) {
      accessSync(place, constants.W_OK)
      return [check('workspace', 'ok', `${home} is not there yet; the first run makes it`)]
    }
    const probe = join(home, `.probe-${randomUUID()}`)
    writeFileSync(probe, 'probe')
    rmSync(probe)
    return [check('workspace', 'ok', `${home} can be written`)]
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const next = 'Give this user the right to write there, or choose another place with --home'
    return [check('workspace', 'fail', `${place} cannot be written (${code})`, next)]
  }
}

export function checkDisk(home: string): Check {
  const { bavail, bsize } = statfsSync(nearestExisting(home))
  const free = bavail * bsize
  const message = `${bytes(free)} free`
  const next = 'Make room: a run needs about three times the size of the data that it adds'
  if (free < noSpace) return check('disk', 'fail', message, next)
  return free < littleSpace ? check('disk', 'warn', message, next) : check('disk', 'ok', message)
}

function nearestExisting(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : nearestExisting(dirname(path))
}
