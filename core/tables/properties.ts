import { PolicyError } from '../errors.ts'

/** The table properties of Iceberg that this writer obeys, with Iceberg's defaults. */
export interface WriterProperties {
  /** `write.metadata.previous-versions-max` */
  readonly previousVersions: number
  /** `commit.manifest-merge.enabled` */
  readonly mergeManifests: boolean
  /** `commit.manifest.min-count-to-merge` */
  readonly minManifestsToMerge: number
  /** `commit.manifest.target-size-bytes` */
  readonly manifestBytes: number
}

/** Throws `PolicyError` `TABLE_PROPERTY_INVALID`. */
export function writerProperties(properties: Readonly<Record<string, string>>): WriterProperties {
  const count = (key: string, fallback: number): number => {
    const text = properties[key]
    if (text === undefined) return fallback
    if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
    throw invalid(key, text, 'a positive whole number')
  }
  const merge = properties['commit.manifest-merge.enabled'] ?? 'true'
  if (merge !== 'true' && merge !== 'false')
    throw invalid('commit.manifest-merge.enabled', merge, 'true or false')
  return {
    previousVersions: count('write.metadata.previous-versions-max', 100),
    mergeManifests: merge === 'true',
    minManifestsToMerge: count('commit.manifest.min-count-to-merge', 100),
    manifestBytes: count('commit.manifest.target-size-bytes', 8 * 1024 * 1024),
  }
}

/** Prefixes of keys that mean something to Iceberg or to this writer, and may only be set where it obeys them. */
const reserved =
  /^(write|commit|read|history|gc|format|schema|encryption|engine|sluice|snapshot|current|default|metadata|uuid|location|provider|partition|sort|owner)\b/

const obeyed = [
  'write.metadata.previous-versions-max',
  'commit.manifest-merge.enabled',
  'commit.manifest.min-count-to-merge',
  'commit.manifest.target-size-bytes',
]

/** Read by readers and by maintenance, and of no effect on how files are written. */
const forOthers = /^(read\.(split|parquet)\.|history\.expire\.|owner$)/

/** Why a manifest cannot set the property, or `undefined`. */
export function propertyMistake(key: string, value: string): string | undefined {
  if (key === 'write.target-file-size-bytes') return 'it is what `target_file_size` sets'
  if (obeyed.includes(key)) {
    try {
      writerProperties({ [key]: value })
      return undefined
    } catch {
      return `\`${value}\` is no value of it`
    }
  }
  if (!reserved.test(key) || forOthers.test(key)) return undefined
  return 'it is not one that a manifest sets: the table’s writer owns it, or would not obey it'
}

function invalid(key: string, text: string, wanted: string): PolicyError {
  return new PolicyError({
    code: 'TABLE_PROPERTY_INVALID',
    fact: `The table property '${key}' is '${text}', not ${wanted}`,
    consequence: 'Nothing was written to the table',
    next: 'Set the property to a valid value, or remove it',
    details: { property: key },
  })
}
