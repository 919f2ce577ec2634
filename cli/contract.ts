import { exitCodes } from './fail.ts'
import type { Io } from './io.ts'
import { emit } from './report.ts'
import { plural } from './words.ts'

/** Prints the contract to standard output, and to standard error what each thing of the file became. */
export async function contractImport(
  io: Io,
  file: string,
  { schema, table }: { readonly schema?: string; readonly table?: Readonly<Record<string, string>> },
): Promise<number> {
  const { importAndCheck } = await import('../core/manifest/odcs/check.ts')
  const { problemsError } = await import('../core/manifest/problems.ts')
  const { contract, notes, problems } = await importAndCheck({ file, schema, tables: table })
  if (contract === undefined) throw problemsError('CONTRACT_IMPORT_REFUSED', 'The contract', problems)
  const { toPlain } = await import('../core/manifest/located.ts')
  const plain = toPlain(contract)
  const inOrder = [...notes].sort((a, b) => a.line - b.line || a.column - b.column)
  if (io.format === 'json') {
    emit(io, { schema: 'sluice.contract_import.v1', file, contract: plain, notes: inOrder }, [])
    return exitCodes.success
  }
  for (const { line, column, path, becomes } of inOrder)
    io.err(`${file}:${line}:${column}: ${path} → ${becomes}`)
  io.err(`${plural(notes.length, 'thing')} of ${file}, and nothing else in it`)
  const { stringify } = await import('yaml')
  const yaml = stringify({ contract: plain }, { lineWidth: 0, aliasDuplicateObjects: false, indentSeq: true })
  io.out(io.format === 'md' ? `\`\`\`yaml\n${yaml.trimEnd()}\n\`\`\`\n` : yaml)
  return exitCodes.success
}
