/**
 * Compares two strings by code point, which is also the order of their UTF-8 bytes: the order of S3
 * listings, of DynamoDB sort keys and of SQLite's `BINARY` collation. JavaScript's `<` compares UTF-16
 * units and puts U+1F600 before U+FF21; this does not.
 */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Moves the surrogates (D800–DFFF) behind the rest of the basic plane (E000–FFFF). */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
