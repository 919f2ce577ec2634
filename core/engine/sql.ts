/** A double-quoted identifier. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * A single-quoted string literal. DuckDB knows no escapes inside it, and its parser ends a statement at a
 * NUL: a text with one becomes a concatenation, which is an expression and no option's value.
 */
export function quoteLiteral(text: string): string {
  const quoted = (part: string) => `'${part.replaceAll("'", "''")}'`
  return text.includes('\0') ? `(${text.split('\0').map(quoted).join(' || chr(0) || ')})` : quoted(text)
}

/** `['a', 'b']`: a list literal of strings, for readers that take several files. */
export function quoteLiterals(texts: readonly string[]): string {
  return `[${texts.map(quoteLiteral).join(', ')}]`
}
