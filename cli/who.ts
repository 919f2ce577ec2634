import { hostname, userInfo } from 'node:os'

/** `user@machine`, for records of what a person has asked for. */
export function whoAsks(): string {
  return `${userName()}@${hostname()}`
}

/** A container's user need not be in its list of users: then the number stands for the name. */
export function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
