/** Names of projects, dataflows and connections: they go into state keys and object keys as they are. */
export const namePattern = /^[A-Za-z][A-Za-z0-9_-]*$/
export const nameRule = 'a name starts with a letter and goes on with letters, digits, _ and -'

/** Stages and tags: no space and no comma, so that a comma list of them means one thing only. */
export const labelPattern = /^[A-Za-z0-9][A-Za-z0-9_.:/-]*$/
export const labelRule = 'only letters, digits and _ . : / - can stand here, a letter or digit first'

/** `namespace.name`. */
export const tablePattern = /^[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*$/
export const tableRule = 'a table is `namespace.name`, each of letters, digits and _, and not a digit first'

export const maxNameLength = 128

/** Why the path of a files connection cannot be used, or `undefined`. */
export function connectionPathMistake(path: string): string | undefined {
  if (path.includes('\\')) return 'write the path with /, not with a backslash'
  if (path.startsWith('s3://')) {
    const [bucket = '', ...segments] = path.slice(5).split('/')
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) return 'there is no bucket with such a name'
    return segments.some(isDotted) ? 'a prefix has no empty part, no . and no ..' : undefined
  }
  if (path.startsWith('file://')) {
    if (!path.startsWith('file:///')) return 'a file URL has three slashes: file:///data/landing'
    return path.slice(8).split('/').some(isDotted)
      ? 'a file URL has no empty part, no . and no ..'
      : undefined
  }
  if (/^[a-z][a-z0-9+.-]*:/i.test(path)) return 'only a relative path, file:/// and s3:// can be read'
  if (path.startsWith('/')) return `write an absolute path as a URL: file://${path}`
  return path.split('/').includes('') ? 'a path has no empty part' : undefined
}

/** Why the glob of a source cannot be used, or `undefined`. A glob never leaves its connection. */
export function globMistake(glob: string): string | undefined {
  if (glob.includes('\\')) return 'write the path with /, not with a backslash'
  if (/^[a-z][a-z0-9+.-]*:/i.test(glob))
    return 'the path is relative to the connection; the bucket or directory stands there'
  if (glob.includes('"')) return 'a path has no quotes: they match nothing, not even themselves'
  if (glob.startsWith('/')) return 'the path is relative to the connection: leave the first / out'
  return glob.split('/').some(isDotted) ? 'a path has no empty part, no . and no ..' : undefined
}

function isDotted(segment: string): boolean {
  return segment === '' || segment === '.' || segment === '..'
}
