/** `1 row`, `6 rows`; with both forms also `1 value occurs`, `6 values occur`. */
export function counted(count: number | bigint, one: string, many?: string): string {
  return `${count} ${oneOrMany(count, one, many)}`
}

export function oneOrMany(count: number | bigint, one: string, many = `${one}s`): string {
  return Number(count) === 1 ? one : many
}
