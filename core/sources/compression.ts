import type { Compression } from '../contract/scan.ts'
import type { FileSource } from '../manifest/types.ts'

export function compressionOf(source: FileSource, key: string): Compression {
  if (source.compression === 'auto') return key.endsWith('.gz') ? 'gzip' : 'none'
  return source.compression
}
