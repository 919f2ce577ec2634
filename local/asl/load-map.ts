import {
  type LoadContext,
  numberOrExpression,
  objectField,
  onlyKnown,
  pointer,
  report,
  stringField,
  templateField,
} from './checks.ts'
import { isObject, type JsonObject } from './json.ts'
import type { DistributedOptions, ItemBatcher, ItemReader, ResultWriter } from './model.ts'

/** Fields that only a DISTRIBUTED map has. */
export const DISTRIBUTED_FIELDS = [
  'Label',
  'ItemReader',
  'ItemBatcher',
  'ToleratedFailureCount',
  'ToleratedFailurePercentage',
  'ResultWriter',
]

const READERS = /^arn:[^:]*:states:::s3:(getObject|listObjectsV2)$/
const WRITER = /^arn:[^:]*:states:::s3:putObject$/
const DELIMITERS: Readonly<Record<string, string>> = {
  COMMA: ',',
  PIPE: '|',
  SEMICOLON: ';',
  SPACE: ' ',
  TAB: '\t',
}
const INPUT_TYPES = ['CSV', 'JSON', 'JSONL', 'MANIFEST'] as const
const READER_FIELDS = [
  'InputType',
  'CSVHeaderLocation',
  'CSVHeaders',
  'CSVDelimiter',
  'MaxItems',
  'ManifestType',
]

type Section = { readonly object: JsonObject; readonly path: string }

function section(context: LoadContext, parent: JsonObject, key: string, path: string): Section | undefined {
  const object = parent[key]
  if (object === undefined) return undefined
  if (isObject(object)) return { object, path: pointer(path, key) }
  report(context, pointer(path, key), 'must be an object')
  return undefined
}

function oneOf<T extends string>(
  context: LoadContext,
  { object, path }: Section,
  key: string,
  choices: readonly T[],
): T | undefined {
  const value = object[key]
  if (value === undefined || choices.includes(value as T)) return value as T | undefined
  report(context, pointer(path, key), `must be one of ${choices.join(', ')}`)
  return undefined
}

/** Literal arguments can be checked now; an expression's are checked when it has a value. */
function onlyArguments(context: LoadContext, { object, path }: Section, known: readonly string[]): void {
  const value = object.Arguments
  if (!isObject(value)) return
  const at = pointer(path, 'Arguments')
  onlyKnown(context, value, at, known)
  for (const key of known) {
    if (value[key] === undefined && key !== 'Prefix') report(context, at, `needs "${key}"`)
    else if (value[key] !== undefined) stringField(context, value, key, at)
  }
}

function csvHeaders(context: LoadContext, { object, path }: Section): readonly string[] | undefined {
  const headers = object.CSVHeaders
  if (object.CSVHeaderLocation !== 'GIVEN') {
    if (headers !== undefined)
      report(context, pointer(path, 'CSVHeaders'), 'needs "CSVHeaderLocation": "GIVEN"')
    return undefined
  }
  if (!Array.isArray(headers) || headers.length === 0 || !headers.every((h) => typeof h === 'string')) {
    report(context, pointer(path, 'CSVHeaders'), 'must be a list of one or more column names')
    return undefined
  }
  return headers as string[]
}

function readerField(context: LoadContext, state: JsonObject, path: string): ItemReader | undefined {
  const reader = section(context, state, 'ItemReader', path)
  if (reader === undefined) return undefined
  onlyKnown(context, reader.object, reader.path, ['Resource', 'Arguments', 'ReaderConfig'])
  const operation = READERS.exec(stringField(context, reader.object, 'Resource', reader.path) ?? '')?.[1]
  if (operation === undefined) {
    report(
      context,
      pointer(reader.path, 'Resource'),
      'must be arn:…:states:::s3:getObject or …:s3:listObjectsV2',
    )
  }
  const list = operation === 'listObjectsV2'
  onlyArguments(context, reader, list ? ['Bucket', 'Prefix'] : ['Bucket', 'Key'])
  if (reader.object.Arguments === undefined) report(context, reader.path, 'needs "Arguments"')
  const args = objectField(context, reader.object, 'Arguments', reader.path, [], 'ItemReader/Arguments')
  const config = section(context, reader.object, 'ReaderConfig', reader.path) ?? {
    object: {},
    path: pointer(reader.path, 'ReaderConfig'),
  }
  onlyKnown(context, config.object, config.path, list ? ['MaxItems'] : READER_FIELDS)
  const inputType = oneOf(context, config, 'InputType', INPUT_TYPES)
  if (!list && config.object.InputType === undefined) {
    report(context, config.path, `needs "InputType": one of ${INPUT_TYPES.join(', ')}`)
  }
  for (const key of ['CSVHeaderLocation', 'CSVHeaders', 'CSVDelimiter']) {
    if (config.object[key] !== undefined && inputType !== 'CSV') {
      report(context, pointer(config.path, key), 'is for InputType CSV')
    }
  }
  const location = oneOf(context, config, 'CSVHeaderLocation', ['FIRST_ROW', 'GIVEN'])
  if (inputType === 'CSV' && location === undefined && config.object.CSVHeaderLocation === undefined) {
    report(context, config.path, 'InputType CSV needs "CSVHeaderLocation"')
  }
  if (config.object.ManifestType !== undefined && inputType !== 'MANIFEST') {
    report(context, pointer(config.path, 'ManifestType'), 'is for InputType MANIFEST')
  }
  oneOf(context, config, 'ManifestType', ['S3_INVENTORY'])
  const delimiter = oneOf(context, config, 'CSVDelimiter', Object.keys(DELIMITERS))
  return {
    list,
    arguments: args ?? { kind: 'constant', value: {} },
    inputType,
    csvHeaders: csvHeaders(context, config),
    csvDelimiter: DELIMITERS[delimiter ?? 'COMMA'] as string,
    maxItems: numberOrExpression(
      context,
      config.object,
      'MaxItems',
      config.path,
      { min: 1, max: 100_000_000 },
      'ItemReader/ReaderConfig/MaxItems',
    ),
  }
}

function batcherField(context: LoadContext, state: JsonObject, path: string): ItemBatcher | undefined {
  const batcher = section(context, state, 'ItemBatcher', path)
  if (batcher === undefined) return undefined
  const { object, path: at } = batcher
  onlyKnown(context, object, at, ['MaxItemsPerBatch', 'MaxInputBytesPerBatch', 'BatchInput'])
  if (object.MaxItemsPerBatch === undefined && object.MaxInputBytesPerBatch === undefined) {
    report(context, at, 'needs "MaxItemsPerBatch" or "MaxInputBytesPerBatch"')
  }
  const limit = (key: string, max: number) =>
    numberOrExpression(context, object, key, at, { min: 1, max }, `ItemBatcher/${key}`)
  return {
    maxItems: limit('MaxItemsPerBatch', 100_000_000),
    maxBytes: limit('MaxInputBytesPerBatch', 262_144),
    batchInput: templateField(context, object, 'BatchInput', at, [], 'ItemBatcher/BatchInput'),
  }
}

function writerField(context: LoadContext, state: JsonObject, path: string): ResultWriter | undefined {
  const writer = section(context, state, 'ResultWriter', path)
  if (writer === undefined) return undefined
  const { object, path: at } = writer
  onlyKnown(context, object, at, ['Resource', 'Arguments', 'WriterConfig'])
  const stored = object.Resource !== undefined || object.Arguments !== undefined
  if (stored && !WRITER.test(stringField(context, object, 'Resource', at) ?? '')) {
    report(context, pointer(at, 'Resource'), 'must be arn:…:states:::s3:putObject')
  }
  if (stored && object.Arguments === undefined) report(context, at, 'needs "Arguments"')
  if (!stored && object.WriterConfig === undefined) report(context, at, 'must not be empty')
  onlyArguments(context, writer, ['Bucket', 'Prefix'])
  const config = section(context, object, 'WriterConfig', at)
  if (config !== undefined) onlyKnown(context, config.object, config.path, ['OutputType', 'Transformation'])
  const transformation = config && oneOf(context, config, 'Transformation', ['NONE', 'COMPACT', 'FLATTEN'])
  return {
    arguments: objectField(context, object, 'Arguments', at, [], 'ResultWriter/Arguments'),
    outputType: (config && oneOf(context, config, 'OutputType', ['JSON', 'JSONL'])) ?? 'JSON',
    transformation: transformation ?? (stored ? 'NONE' : 'COMPACT'),
  }
}

/** What only a DISTRIBUTED map has. */
export function distributedOptions(
  context: LoadContext,
  state: JsonObject,
  path: string,
  name: string,
  executionType: 'STANDARD' | 'EXPRESS',
): DistributedOptions {
  const label = stringField(context, state, 'Label', path)
  if (label !== undefined && !/^[^\s?*<>{}[\]:;,\\|^~$#%&`"]{1,40}$/.test(label)) {
    report(
      context,
      pointer(path, 'Label'),
      'must be 1 to 40 characters without white space, wildcards and brackets',
    )
  }
  const reader = readerField(context, state, path)
  if (reader !== undefined && state.Items !== undefined) {
    report(context, pointer(path, 'Items'), 'cannot stand beside ItemReader')
  }
  const count = { min: 0, max: Number.MAX_SAFE_INTEGER }
  const percentage = { min: 0, max: 100, fractions: true }
  return {
    executionType,
    label: label ?? name,
    reader,
    batcher: batcherField(context, state, path),
    toleratedCount: numberOrExpression(context, state, 'ToleratedFailureCount', path, count),
    toleratedPercentage: numberOrExpression(context, state, 'ToleratedFailurePercentage', path, percentage),
    writer: writerField(context, state, path),
  }
}
