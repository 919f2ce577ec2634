import { z } from 'zod'

export interface PartialOptions {
  /** Keep `default` annotations (for editors) instead of leaving absent keys absent (for `defaults`). */
  readonly keepDefaults: boolean
}

/** The same schema with every key of every object optional; nothing that is absent is filled in. */
export function deepPartial(schema: z.ZodType, options: PartialOptions): z.ZodType {
  const partial = partialOf(schema, options)
  const description = schema.description
  return description === undefined ? partial : partial.describe(description)
}

function partialOf(schema: z.ZodType, options: PartialOptions): z.ZodType {
  if (schema instanceof z.ZodOptional) return deepPartial(schema.unwrap() as z.ZodType, options)
  if (schema instanceof z.ZodPrefault) return deepPartial(schema.unwrap() as z.ZodType, options)
  if (schema instanceof z.ZodDefault) {
    const inner = deepPartial(schema.unwrap() as z.ZodType, options)
    return options.keepDefaults ? inner.default(schema.def.defaultValue) : inner
  }
  if (schema instanceof z.ZodRecord) {
    return z.record(schema.keyType as z.ZodString, deepPartial(schema.valueType as z.ZodType, options))
  }
  if (schema instanceof z.ZodObject) return z.strictObject(partialShape(schema.shape, options))
  if (schema instanceof z.ZodLazy) return z.lazy(() => partialOnce(schema.unwrap() as z.ZodType, options))
  if (schema instanceof z.ZodUnion && !(schema instanceof z.ZodDiscriminatedUnion)) {
    const parts = schema.options.map((option) => deepPartial(option as z.ZodType, options))
    return z.clone(schema, { ...schema.def, options: parts })
  }
  return schema
}

const partials = { true: new WeakMap<z.ZodType, z.ZodType>(), false: new WeakMap<z.ZodType, z.ZodType>() }

/** A schema that holds itself has one partial schema, which holds itself, too. */
function partialOnce(schema: z.ZodType, options: PartialOptions): z.ZodType {
  const known = partials[`${options.keepDefaults}`]
  const partial = known.get(schema) ?? deepPartial(schema, options)
  known.set(schema, partial)
  return partial
}

export function partialShape(
  shape: Readonly<Record<string, z.ZodType>>,
  options: PartialOptions,
): Record<string, z.ZodType> {
  return Object.fromEntries(
    Object.entries(shape).map(([key, schema]) => [key, deepPartial(schema, options).optional()]),
  )
}

/** The keys that the schema knows at a path, or none where it has no fixed keys there. */
export function keysAt(
  schema: z.ZodType,
  path: readonly (string | number)[],
  value: unknown,
): readonly string[] {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodDiscriminatedUnion) {
    const discriminator = inner.def.discriminator
    const chosen = inner.options.find((option) => {
      const type = unwrap((option as z.ZodObject).shape[discriminator] as z.ZodType)
      return (
        type instanceof z.ZodLiteral && type.value === (value as Record<string, unknown>)?.[discriminator]
      )
    })
    return chosen === undefined ? [discriminator] : keysAt(chosen as z.ZodType, path, value)
  }
  if (inner instanceof z.ZodUnion) {
    const mapping = inner.options.find((option) => unwrap(option as z.ZodType) instanceof z.ZodObject)
    return mapping === undefined ? [] : keysAt(mapping as z.ZodType, path, value)
  }
  const [head, ...rest] = path
  const below = (value as Record<string | number, unknown> | undefined)?.[head as string]
  if (inner instanceof z.ZodObject) {
    if (head === undefined) return Object.keys(inner.shape)
    const next = inner.shape[head as string] as z.ZodType | undefined
    return next === undefined ? [] : keysAt(next, rest, below)
  }
  if (head === undefined) return []
  if (inner instanceof z.ZodRecord) return keysAt(inner.valueType as z.ZodType, rest, below)
  if (inner instanceof z.ZodArray) return keysAt(inner.element as z.ZodType, rest, below)
  return []
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.unwrap() as z.ZodType)
  }
  if (schema instanceof z.ZodLazy) return unwrap(schema.unwrap() as z.ZodType)
  return schema
}
