import { checkChecks } from '../check-rules.ts'
import { checkColumns } from '../contract-rules.ts'
import { explainIssues, insideUnions, pathText } from '../explain.ts'
import { type LocatedMap, placeOf, toPlain } from '../located.ts'
import { type Problem, tidyProblems } from '../problems.ts'
import type { Report } from '../rules.ts'
import { contractSchema } from '../schema-contract.ts'
import { type ImportedContract, importOdcs, type OdcsReference } from './contract.ts'

/** Reads a file and judges the contract by all that a manifest judges one by, but for what its dataflow tells. */
export async function importAndCheck(reference: OdcsReference): Promise<ImportedContract> {
  const imported = await importOdcs(reference)
  const { contract } = imported
  const problems = contract === undefined ? imported.problems : problemsOf(contract)
  if (problems.length === 0) return imported
  const { contract: _broken, ...rest } = imported
  return { ...rest, problems: tidyProblems(problems, [reference.file]) }
}

function problemsOf(contract: LocatedMap): Problem[] {
  const parsed = contractSchema.safeParse(toPlain(contract))
  if (!parsed.success) {
    const checked = { root: contract, label: 'contract', schema: contractSchema }
    return explainIssues(checked, insideUnions(parsed.error.issues))
  }
  const problems: Problem[] = []
  const report: Report = ([, ...path], message, hint) => {
    problems.push({ ...placeOf(contract, path), path: pathText('contract', path), message, hint })
  }
  checkColumns(parsed.data, report)
  checkChecks({ contract: parsed.data }, report)
  return problems
}
