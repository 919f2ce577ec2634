import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '../engine/engine.ts'
import { quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import { IntegrityError } from '../errors.ts'
import { counted } from '../words.ts'
import { byPath, evidenceAlias, fromByte, heldAlias, reasonLiteral, textOrNull } from './rejected-sql.ts'
import type { RuleName } from './rule-names.ts'
import type { RejectContext, RejectedFile, RejectedObject, ScanInput, ScanRequest } from './scan.ts'
import { brokenRules, type PlacedRule } from './scan-rules.ts'
import { judgedColumn } from './scan-sql.ts'
import { structuralSelect } from './structural.ts'
import type { PiiPolicy } from './types.ts'

let files = 0

/**
 * Turns the scan's scratch files of rejected rows and the reader's structural rejects into the file that
 * quarantine keeps. Rules that only warn are no reasons. Under `reference_only` and `masked` neither `raw` nor any
 * message holds a value of a row; a row's id is made of its place alone, because a digest of few possible values tells
 * the value. Throws `IntegrityError` `REJECT_WITHOUT_REASON`.
 */
export async function writeRejected(
  engine: Engine,
  request: ScanRequest,
  rules: readonly PlacedRule[],
  found: {
    readonly inputs: readonly ScanInput[]
    readonly scratch: readonly string[]
    readonly rows: number
    readonly structural: number
  },
): Promise<RejectedFile> {
  const { inputs, scratch, structural } = found
  const file = join(engine.directory, `rejected-${++files}.parquet`)
  const parts: string[] = []
  if (scratch.length > 0) parts.push(ruleRows(scratch, rules, inputs))
  if (structural > 0) parts.push(structuralSelect(inputs, linePolicy(request)))
  await engine.run(
    `COPY (${identified(parts, request.rejects)}) TO ${quoteLiteral(file)} (FORMAT parquet, COMPRESSION zstd)`,
  )
  const by_reason = await countReasons(engine, file, found.rows + structural)
  const objects = await countObjects(engine, file)
  return { file, rows: found.rows + structural, bytes: statSync(file).size, by_reason, ...objects }
}

/** A line that does not fit its columns may hold any value of them, so where transformers hide a column it is not kept. */
function linePolicy({ pii_policy = 'reference_only', transformers }: ScanRequest): PiiPolicy {
  const hides = transformers !== undefined && transformers.shown.length < transformers.reads.length
  return pii_policy === 'preserve' && hides ? 'reference_only' : pii_policy
}

function ruleRows(
  scratch: readonly string[],
  rules: readonly PlacedRule[],
  inputs: readonly ScanInput[],
): string {
  const list = `[${rules.map(reasonLiteral).join(', ')}]`
  const rejecting = rules.flatMap((rule, i) => (rule.severity === 'error' ? [i] : []))
  const broken = `list_filter(${brokenRules(rules, heldAlias)}, lambda n: n IN (${rejecting.join(', ')}))`
  const judged = `(SELECT ${judgedColumn} AS ${evidenceAlias}, CAST(json_extract(${judgedColumn}, '$.held') AS VARCHAR) AS ${toldAlias}
    FROM read_parquet(${quoteLiterals(scratch)}))`
  // Few rules are broken at a time, in few combinations: the reasons are told once for each, not for each row.
  return `SELECT ${ofInput(inputs, ({ source }) => source)} AS source_file,
      ${ofInput(inputs, ({ version }) => version)} AS source_version,
      CAST(json_extract_string(${evidenceAlias}, '$.row') AS BIGINT) AS source_row,
      CAST(NULL AS BIGINT) AS source_line,
      ${ofInput(inputs, fromByte)} AS from_byte,
      reasons,
      CAST(json_extract(${evidenceAlias}, '$.raw') AS VARCHAR) AS raw
    FROM ${judged} JOIN (
      SELECT ${toldAlias}, list_transform(${broken}, lambda n: ${list}[n + 1]) AS reasons
      FROM (SELECT ${toldAlias}, CAST(CAST(${toldAlias} AS JSON) AS BOOLEAN[]) AS ${heldAlias}
        FROM (SELECT DISTINCT ${toldAlias} FROM ${judged}))) USING (${toldAlias})`
}

/** A row's booleans as text. */
const toldAlias = '_sluice_told'

/** What is said of the input that a row came from. */
function ofInput(inputs: readonly ScanInput[], said: (input: ScanInput) => string | undefined): string {
  if (inputs.length === 1) return textOrNull(said(inputs[0]!))
  return byPath(inputs, said, `json_extract_string(${evidenceAlias}, '$.file')`)
}

/**
 * Every row with its id, the contract that rejected it, and when. What stands in a part of an object has a number in that
 * part, which tells rows apart and is no number in the object. Rows of a query have no place but that in
 * the file.
 */
function identified(parts: readonly string[], context: RejectContext | undefined): string {
  const { contract_sha256, seen_at, scan = '' } = context ?? {}
  const place = `coalesce('byte ' || from_byte || ' ', '') || CASE WHEN source_row IS NOT NULL THEN 'row ' || source_row
    WHEN source_line IS NOT NULL THEN 'line ' || source_line
    ELSE ${quoteLiteral(`${scan} `)} || row_number() OVER () END`
  const seen = `CAST(${textOrNull(seen_at)} AS TIMESTAMPTZ)`
  return `SELECT substr(sha256(CAST(to_json([source_file, source_version, ${place}]) AS VARCHAR)), 1, 32) AS row_id,
      source_file, source_version,
      CASE WHEN from_byte IS NULL THEN source_row END AS source_row,
      CASE WHEN from_byte IS NULL THEN source_line END AS source_line, reasons,
      ${textOrNull(contract_sha256)} AS contract_sha256, ${seen} AS first_seen, ${seen} AS last_seen, raw
    FROM (${parts.join(' UNION ALL ')})`
}

/** So many objects are named in records and indexes; of more the file itself tells. */
const maxRejectedObjects = 20

async function countObjects(engine: Engine, file: string): Promise<Pick<RejectedFile, 'objects'>> {
  const rows = await engine.rows<{ source: string; version: string | null; rows: bigint }>(
    `SELECT source_file AS source, source_version AS version, count(*) AS rows FROM read_parquet(${quoteLiteral(file)})
     GROUP BY ALL ORDER BY ALL LIMIT ${maxRejectedObjects + 1}`,
  )
  if (rows.length > maxRejectedObjects) return {}
  return { objects: rows.map((row): RejectedObject => ({ ...row, rows: Number(row.rows) })) }
}

interface ReasonCount extends Record<string, unknown> {
  readonly column: string | null
  readonly rule: RuleName | null
  readonly name: string | null
  readonly count: bigint
  readonly rows: bigint
}

/** Counted in the file that was written, not in what was meant to be written. */
async function countReasons(
  engine: Engine,
  file: string,
  expected: number,
): Promise<RejectedFile['by_reason']> {
  const counts = await engine.rows<ReasonCount>(`
    SELECT reason."column" AS "column", reason.rule AS rule, reason.name AS name, count(*) AS count, any_value(total) AS rows
    FROM (SELECT unnest(CASE WHEN len(reasons) > 0 THEN reasons ELSE [NULL] END) AS reason, total
      FROM (SELECT reasons, count(*) OVER () AS total FROM read_parquet(${quoteLiteral(file)})))
    GROUP BY ALL ORDER BY count DESC, "column", rule, name`)
  const rows = Number(counts[0]?.rows ?? 0)
  const silent = counts.find((reason) => reason.rule === null)
  if (rows !== expected || silent !== undefined) {
    throw new IntegrityError({
      code: 'REJECT_WITHOUT_REASON',
      fact: `${counted(expected, 'row was', 'rows were')} rejected, ${counted(rows, 'is', 'are')} in quarantine, ${silent?.count ?? 0} of them without a reason`,
      consequence: 'Nothing became visible',
      next: 'This is a defect: report it with the evidence of this run',
    })
  }
  return counts.map(({ column, rule, name, count }) => ({
    column,
    rule: rule as RuleName,
    ...(name === null ? {} : { name }),
    count: Number(count),
  }))
}
