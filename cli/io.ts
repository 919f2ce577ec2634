import pc from 'picocolors'

export type Format = 'text' | 'json' | 'md'
export type Colors = ReturnType<typeof pc.createColors>

/** What every command is given: where its words go, and the options that all commands share. */
export interface Io {
  /** Data: standard output. */
  out(text: string): void
  /** Everything else: standard error. */
  err(text: string): void
  readonly format: Format
  /** For standard output and standard error; functions that change nothing where there is no colour. */
  readonly colors: { readonly out: Colors; readonly err: Colors }
  /** A person watches both streams. */
  readonly isTerminal: boolean
  /** `--project`: a directory or a manifest. */
  readonly project: string
  /** `--home`, where it was given. */
  readonly home: string | undefined
  /** `--stack`, where it was given: the command is about a deployed stack. */
  readonly stack: string | undefined
  /** The command line that goes on from here: with the `--project` and `--home` of this one. */
  command(text: string): string
}

export interface SharedOptions {
  readonly project: string
  readonly home?: string
  readonly stack?: string
  readonly format: Format
  readonly color: boolean
}

export function createIo(options: SharedOptions): Io {
  const { stdout, stderr, env } = process
  const write = (stream: NodeJS.WriteStream) => (text: string) => {
    stream.write(text.endsWith('\n') ? text : `${text}\n`)
  }
  const places = [
    ...(options.project === '.' ? [] : ['--project', shellWord(options.project)]),
    ...(options.home === undefined ? [] : ['--home', shellWord(options.home)]),
    ...(options.stack === undefined ? [] : ['--stack', shellWord(options.stack)]),
  ]
  return {
    out: write(stdout),
    err: write(stderr),
    format: options.format,
    colors: {
      out: pc.createColors(hasColor(options.color, stdout, env)),
      err: pc.createColors(hasColor(options.color, stderr, env)),
    },
    isTerminal: stdout.isTTY === true && stderr.isTTY === true && env.TERM !== 'dumb',
    project: options.project,
    home: options.home,
    stack: options.stack,
    command: (text) => ['sluice', text, ...places].join(' '),
  }
}

/** On a terminal that can, unless `--no-color` or NO_COLOR (https://no-color.org: any value but the empty one). */
export function hasColor(
  wanted: boolean,
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (!wanted || (env.NO_COLOR ?? '') !== '') return false
  return stream.isTTY === true && env.TERM !== 'dumb'
}

/** Text that a POSIX shell takes as one word. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
