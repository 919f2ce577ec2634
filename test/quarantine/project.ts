import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { QuarantineItem } from '../../core/runs/acknowledgements.ts'
import type { CommitItem, SourceStateItem } from '../../core/runs/items.ts'
import { type Flow, openFlow, type Row } from '../evolution/flow.ts'
import { type Ended, runChild } from '../support/children.ts'
import { readStored } from '../support/invariants.ts'

export interface Corrections extends Flow {
  cli(...args: string[]): Promise<Ended>
  /** Writes a file beside the project and returns its path. */
  file(name: string, text: string): string
  rows(): Promise<readonly Row[]>
  /** What was said of the quarantine of a run. */
  said(run_id: string): QuarantineItem | undefined
  commits(): CommitItem[]
  state(): SourceStateItem
  json(ended: Ended): Record<string, unknown>
}

/** A flow of its own, removed after the test, with what tests of replays look at. */
export function openCorrections(): Corrections {
  const flow = openFlow()
  onTestFinished(flow.remove)
  const { directory } = flow
  const items = () => readStored(directory).items
  return {
    ...flow,
    cli: async (...args) => await runChild('cli/main.ts', [...args, '--project', directory]),
    file: (name, text) => {
      const path = join(directory, name)
      writeFileSync(path, text)
      return path
    },
    rows: async () => (await flow.table()).rows,
    said: (run_id) => items().get(`RUN#${run_id} QUARANTINE#flow`) as QuarantineItem | undefined,
    commits: () =>
      [...items()].flatMap(([key, item]) =>
        key.startsWith('DATAFLOW#evolving/flow COMMIT#') ? [item as CommitItem] : [],
      ),
    state: () => items().get('DATAFLOW#evolving/flow STATE') as SourceStateItem,
    json: ({ stdout }) => JSON.parse(stdout) as Record<string, unknown>,
  }
}

export function stored(directory: string, key: string): Buffer {
  return readFileSync(join(directory, '.sluice/evidence', key))
}

/** Columns id (at most 5) and name (lower case). */
export const contract = (quarantine: string, enforcement = 'quarantine') =>
  `{ enforcement: ${enforcement}, quarantine: { ${quarantine} }, columns: { id: { type: integer, max: 5 }, name: { type: string, pattern: "[a-z]+" } } }`
