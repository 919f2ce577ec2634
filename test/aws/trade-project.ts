import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What becomes of the manifest: a price may be negative, and the layout of a table waits for an approval. */
export interface TradeVersion {
  readonly minPrice: number
  readonly physical: string
}

export const tradeVersions: readonly [TradeVersion, TradeVersion] = [
  { minPrice: 0, physical: '' },
  { minPrice: -100, physical: ', physical: { partition_by: ["bucket(2, id)"], apply: manual_approval }' },
]

/**
 * What contracts can do, in four dataflows of a few rows: `products` and `sales` are read in ranges of one object,
 * `sales` and `returns` are checked against the table before them, and `prices` is a query.
 */
const manifest = (landing: string, { minPrice, physical }: TradeVersion) => `version: 1
project: trade
connections:
  landing: { type: files, path: ${landing} }
  warehouse: { type: lake }
defaults:
  sink: { connection: warehouse, load_type: append }
dataflows:
  - name: products
    source: { connection: landing, path: "products-*.ndjson", format: ndjson, max_shard_bytes: 300 }
    contract:
      enforcement: quarantine
      conflict_policy: variant_column
      quarantine: { pii_policy: preserve }
      columns:
        id: { type: bigint, nullable: false, unique: true }
        price: { type: decimal, precision: 9, scale: 2, min: ${minPrice} }
        tags: { type: list, items: { type: string } }
        size: { type: struct, fields: { w: { type: integer, nullable: false }, h: { type: integer } } }
      checks:
        - { name: delivered, row_count_reconciliation: { against: { sidecar: .count } } }
        - { name: enough, row_count: { min: 1, max: 100 } }
    sink: { table: shop.products }
  - name: sales
    source: { connection: landing, path: "sales-*.csv", format: csv, csv: { quote: "" }, max_shard_bytes: 200 }
    transformers:
      values:
        - { operation: trim, columns: [email] }
        - { operation: lower, columns: [email] }
      formats: { sold_on: dd/MM/yyyy }
      hash_columns: [{ name: customer, columns: [email] }]
      computed: [{ name: total, expr: "qty * price" }]
      filter: "email IS DISTINCT FROM 'test@shop.example'"
      masking: [{ method: partial, columns: [email], keep_start: 1, keep_end: 8 }]
      rename: { sold_on: day }
    contract:
      enforcement: coerce
      conflict_policy: quarantine
      quarantine: { pii_policy: masked }
      columns:
        id: { type: bigint, nullable: false }
        product: { type: bigint }
        qty: { type: integer, min: 1 }
        price: { type: decimal, precision: 9, scale: 2 }
        paid: { type: boolean }
        day: { type: date }
      checks:
        - { name: known_products, references: { columns: [product], table: shop.products, to: [id] } }
        - { name: once, unique: [id, product] }
        - { name: cheap, severity: warn, sql: "SELECT s.id FROM {{ load }} s JOIN {{ ref('shop.products') }} p ON p.id = s.product WHERE s.price < p.price" }
        - { name: recent, severity: warn, freshness: { column: day, max_age: 2 hours } }
    sink: { table: shop.sales }
  - name: returns
    source: { connection: landing, path: "returns-*.csv", format: csv, csv: { quote: "" }, max_shard_bytes: 20 }
    contract:
      columns: { id: { type: bigint }, sale: { type: bigint } }
      checks:
        - { name: sold, references: { columns: [sale], table: shop.sales, to: [id] } }
    sink: { table: shop.returns }
  - name: prices
    transform: { sql: "SELECT id, price FROM {{ ref('shop.products') }}" }
    contract: { columns: { id: { type: bigint, unique: true } } }
    sink: { table: shop.prices, load_type: overwrite${physical} }
`

export async function writeTradeProject(
  directory: string,
  landing: string,
  version: TradeVersion,
): Promise<void> {
  await writeFile(join(directory, 'sluice.yaml'), manifest(landing, version))
}

const lines = (...all: readonly string[]) => `${all.join('\n')}\n`

/** What is delivered, by name. */
export const tradeFiles: Readonly<Record<string, string>> = {
  'products-1.ndjson': lines(
    '{"id":1,"name":"lamp","price":"12.50","tags":["home","light"],"size":{"w":10,"h":20}}',
    '{"id":2,"name":"desk","price":"99.00","tags":[],"size":{"w":120}}',
    '{"id":3,"name":"chair","price":"on request","tags":["home"],"size":{"w":40,"h":90}}',
    '{"id":4,"name":"rebate","price":"-5.00","tags":["sale"],"size":null}',
    '{"id":5,"name":"shelf","price":"30.00","tags":[7],"size":{"w":80,"h":180}}',
    '{"id":6,"name":"rug","price":"45.00","tags":["home"],"size":{"w":200,"h":140}}',
    '{"id":7,"name":"vase","price":"8.25","tags":null,"size":{"w":12,"h":30}}',
  ),
  'products-1.ndjson.count': '7',
  'sales-1.csv': lines(
    'id,product,qty,price,email,sold_on,paid',
    '1,1,2,12.50, Ada@Shop.example,05/01/2024,true',
    '2,2,1,99.00,bob@shop.example,06/01/2024,yes',
    '3,1,1,12.50,test@shop.example,06/01/2024,no',
    '4,6,three,45.00,cy@shop.example,07/01/2024,no',
    '5,6,1,40.00,dee@shop.example,08/01/2024,1',
    '6,7,4,8.25,eve@shop.example,2024-01-09,0',
    '7,7,1,8.25,,10/01/2024,',
  ),
  'returns-1.csv': lines('id,sale', '1,1', '2,2', '3,99', '4,5'),
}

/** The two rows of sales that are rejected, as somebody has corrected them: by the column that was wrong, their row ids. */
export const correctedSales = ({ qty, day }: Readonly<Record<string, string>>) =>
  lines(
    '_sluice_row_id,id,product,qty,price,email,sold_on,paid',
    `${day},6,7,4,8.25,eve@shop.example,09/01/2024,0`,
    `${qty},4,6,3,45.00,cy@shop.example,07/01/2024,no`,
  )
