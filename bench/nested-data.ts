import { writeFile } from 'node:fs/promises'
import type { ColumnContract } from '../core/contract/types.ts'

/** An order as an application writes it: scalars of each kind, an object, lists of numbers and of objects, a map. */
export const orderContract: ColumnContract = {
  type: 'struct',
  fields: {
    id: { type: 'bigint', nullable: false },
    customer: { type: 'string', nullable: false, max_length: 40 },
    total: { type: 'decimal', precision: 9, scale: 2, min: 0 },
    weight: { type: 'double' },
    paid: { type: 'boolean' },
    day: { type: 'date' },
    placed_at: { type: 'timestamp' },
    note: { type: 'string' },
    address: {
      type: 'struct',
      fields: { city: { type: 'string', nullable: false }, zip: { type: 'string' } },
    },
    ratings: { type: 'list', items: { type: 'integer', min: 0, max: 9 } },
    lines: {
      type: 'list',
      items: {
        type: 'struct',
        fields: {
          sku: { type: 'string', pattern: '[A-Z]+-[0-9]+' },
          quantity: { type: 'integer', min: 1 },
          price: { type: 'decimal', precision: 9, scale: 2, min: 0 },
        },
      },
    },
    labels: { type: 'map', keys: { type: 'string' }, values: { type: 'string' } },
  },
}

/** Writes `rows` lines `{"order": …}`, the same bytes on every machine; every order keeps the contract. */
export async function writeOrders(path: string, rows: number): Promise<void> {
  const lines = Array.from({ length: rows }, (_, i) => JSON.stringify({ order: order(i) }))
  await writeFile(path, `${lines.join('\n')}\n`)
}

function order(i: number) {
  const at = new Date(Date.UTC(2020, 0, 1, i % 100_000)).toISOString().slice(0, 19)
  const many = <T>(most: number, item: (n: number) => T) =>
    Array.from({ length: i % (most + 1) }, (_, n) => item(n))
  return {
    id: i,
    customer: `customer number ${i % 977}`,
    total: (i % 100_000) / 100,
    weight: i / 7,
    paid: i % 3 === 0,
    day: at.slice(0, 10),
    placed_at: at,
    note: i % 4 === 0 ? null : `left with neighbour ${i % 31}`,
    address: { city: i % 2 === 0 ? 'Bonn' : 'Köln', zip: String(50_000 + (i % 3000)) },
    ratings: many(5, (n) => (i + n) % 10),
    lines: many(3, (n) => ({
      sku: `AB-${i + n}`,
      quantity: 1 + ((i + n) % 9),
      price: ((i * n) % 10_000) / 100,
    })),
    labels: Object.fromEntries(many(3, (n) => [`label_${n}`, `value ${i % 13}`])),
  }
}
