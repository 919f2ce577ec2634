/**
 * Every key of the Open Data Contract Standard 3.1 that can stand in a contract's file, and what becomes of it.
 * Source: odcs-json-schema-v3.1.0.json and the standard's own pages. docs/odcs.md has the same lists, and a test
 * holds the two together.
 */

/** `taken`: it becomes part of the contract. `none`: it says nothing about rows. `refused`: with what to do instead. */
export type Fate = 'taken' | 'none' | { readonly refused: string }

export type Words = Readonly<Record<string, Fate>>

const noRule: Fate = { refused: 'The contract has no rule for it: take it out' }

export const fileKeys: Words = {
  apiVersion: 'taken',
  kind: 'taken',
  schema: 'taken',
  id: 'none',
  version: 'none',
  status: 'none',
  name: 'none',
  tenant: 'none',
  domain: 'none',
  dataProduct: 'none',
  description: 'none',
  tags: 'none',
  servers: 'none',
  support: 'none',
  price: 'none',
  team: 'none',
  roles: 'none',
  slaDefaultElement: 'none',
  slaProperties: 'none',
  authoritativeDefinitions: 'none',
  customProperties: 'none',
  contractCreatedTs: 'none',
}

/** Without them a file is none of the standard, whatever else it holds. */
export const requiredFileKeys: readonly string[] = ['apiVersion', 'kind', 'id', 'version', 'status']

const aboutElements: Words = {
  id: 'none',
  businessName: 'none',
  authoritativeDefinitions: 'none',
  tags: 'none',
  customProperties: 'none',
}

export const schemaKeys: Words = {
  name: 'taken',
  logicalType: 'taken',
  properties: 'taken',
  quality: 'taken',
  relationships: 'taken',
  ...aboutElements,
  physicalName: 'none',
  physicalType: 'none',
  description: 'none',
  dataGranularityDescription: 'none',
}

/** Of a property, and of what is nested in one. */
export const propertyKeys: Words = {
  name: 'taken',
  physicalName: 'taken',
  logicalType: 'taken',
  logicalTypeOptions: 'taken',
  physicalType: 'taken',
  required: 'taken',
  unique: 'taken',
  primaryKey: 'taken',
  primaryKeyPosition: 'taken',
  description: 'taken',
  quality: 'taken',
  relationships: 'taken',
  properties: 'taken',
  items: 'taken',
  ...aboutElements,
  classification: 'none',
  criticalDataElement: 'none',
  encryptedName: 'none',
  examples: 'none',
  partitioned: 'none',
  partitionKeyPosition: 'none',
  transformDescription: 'none',
  transformLogic: 'none',
  transformSourceObjects: 'none',
}

const bounds: Words = {
  minimum: 'taken',
  maximum: 'taken',
  exclusiveMinimum: 'taken',
  exclusiveMaximum: 'taken',
  format: 'taken',
}
const zoned: Words = { ...bounds, timezone: 'taken', defaultTimezone: 'taken' }
const numbers: Words = {
  ...bounds,
  multipleOf: noRule,
}

/** Keys of `logicalTypeOptions`, by logical type. */
export const optionKeys: Readonly<Record<string, Words>> = {
  string: {
    pattern: 'taken',
    format: 'taken',
    minLength: 'taken',
    maxLength: 'taken',
  },
  date: bounds,
  timestamp: zoned,
  time: zoned,
  integer: numbers,
  number: numbers,
  boolean: {},
  object: {
    maxProperties: noRule,
    minProperties: noRule,
    required: noRule,
  },
  array: {
    maxItems: noRule,
    minItems: noRule,
    uniqueItems: noRule,
  },
}

export const metricOperators: readonly string[] = [
  'mustBe',
  'mustNotBe',
  'mustBeGreaterThan',
  'mustBeGreaterOrEqualTo',
  'mustBeLessThan',
  'mustBeLessOrEqualTo',
  'mustBeBetween',
  'mustNotBeBetween',
]

export const qualityKeys: Words = {
  type: 'taken',
  metric: 'taken',
  arguments: 'taken',
  ...Object.fromEntries(metricOperators.map((word) => [word, 'taken'] as const)),
  unit: 'taken',
  severity: 'taken',
  id: 'taken',
  name: 'taken',
  description: 'taken',
  query: 'taken',
  engine: { refused: 'Rules of other engines are not read: take the rule out, or write it as a metric' },
  implementation: {
    refused: 'Rules of other engines are not read: take the rule out, or write it as a metric',
  },
  rule: { refused: 'Since 3.1 it is called metric: write metric' },
  authoritativeDefinitions: 'none',
  businessImpact: 'none',
  customProperties: 'none',
  dimension: 'none',
  method: 'none',
  schedule: 'none',
  scheduler: 'none',
  tags: 'none',
}

/** Arguments of a metric, by metric. */
export const argumentKeys: Readonly<Record<string, Words>> = {
  nullValues: {},
  missingValues: {
    missingValues: { refused: 'Use nullValues, or invalidValues with the values that are valid' },
  },
  invalidValues: { validValues: 'taken', pattern: 'taken' },
  duplicateValues: { properties: 'taken' },
  rowCount: {},
}

export const relationshipKeys: Words = {
  type: 'taken',
  from: 'taken',
  to: 'taken',
  customProperties: 'none',
}
