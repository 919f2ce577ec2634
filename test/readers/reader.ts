import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Reader } from './set-up.ts'

export interface Question {
  readonly table: string
  readonly snapshot?: string
  readonly filter?: Filter
}

type Literal = string | number | boolean | { readonly long: string } | { readonly hex: string }

export type Filter =
  | readonly ['and' | 'or', Filter, Filter]
  | readonly ['not', Filter]
  | readonly ['is_null' | 'not_null', string]
  | readonly ['in', string, readonly Literal[]]
  | readonly ['=' | '!=' | '<' | '<=' | '>' | '>=' | 'starts_with', string, Literal]

/** Values are in the form that `read-tables.py` describes. */
export type Row = Readonly<Record<string, unknown>>

export interface Answer {
  readonly columns: readonly {
    readonly id: number
    readonly name: string
    readonly type: string
    readonly required: boolean
  }[]
  /** In no order. */
  readonly rows: readonly Row[]
  /** Locations of the data files that the reader opens for it. */
  readonly files: readonly string[]
}

export interface Reading {
  /** Throws what the reader says where it cannot answer. */
  ask(question: Question): Promise<Answer>
  close(): void
}

/** A reader's process for the catalog in this SQLite file; questions are answered one after the other. */
export function openReader(reader: Reader, catalog: string): Reading {
  if (!('command' in reader)) throw new Error(reader.skipped)
  const [program, ...args] = reader.command
  const child = spawn(program, [...args, catalog], { stdio: ['pipe', 'pipe', 'pipe'] })
  let complaints = ''
  child.stderr.on('data', (chunk) => {
    complaints = (complaints + chunk).slice(-5000)
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    ask: async (question) => {
      child.stdin.write(`${JSON.stringify(question)}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error(`The reader ended:\n${complaints}`)
      const answer = JSON.parse(value) as Answer | { readonly error: string }
      if ('error' in answer) throw new Error(answer.error)
      return answer
    },
    close: () => child.stdin.end(),
  }
}
