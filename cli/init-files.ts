export const landingName = 'orders-2026-03-01.csv'

/** Six orders: five good ones, and one whose amount is no decimal with two digits. */
export const landingCsv = `Order ID,Ordered on,Customer,Amount,Status
1001,2026-03-01,C017,49.90,paid
1002,2026-03-01,C004,120.00,paid
1003,2026-03-01,C017,15.25,open
1004,2026-03-01,C042,twelve,paid
1005,2026-03-01,C004,8.00,cancelled
1006,2026-03-01,C029,310.40,paid
`

/** Both dataflows say what they are for, because they are what a beginner reads first. */
export function manifestText(project: string, schema: string): string {
  return `# yaml-language-server: $schema=${schema}
version: 1
project: ${project}

connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }

dataflows:
  # Files to a table. Every row is judged; the bad ones are set aside with their reasons.
  - name: orders
    stage: ingest2bronze
    source: { connection: landing, path: "orders-*.csv", format: csv }
    contract:
      enforcement: quarantine # or strict: one bad row stops the dataflow
      quarantine: { pii_policy: preserve } # keeps the bad rows themselves, not only where they stand
      columns:
        order_id: { type: integer, nullable: false, unique: true }
        ordered_on: { type: date, nullable: false }
        customer: { type: string, nullable: false, pattern: "C[0-9]{3}" }
        amount: { type: decimal, precision: 9, scale: 2, min: 0 }
        status: { type: string, accepted_values: [open, paid, cancelled] }
    sink: { connection: warehouse, table: bronze.orders, load_type: append }

  # A table to a table. ref() says what must be there first.
  - name: revenue_by_customer
    stage: bronze2gold
    transform:
      sql: |
        SELECT customer, count(*) AS orders, sum(amount) AS revenue
        FROM {{ ref('bronze.orders') }}
        WHERE status <> 'cancelled'
        GROUP BY customer
    contract:
      enforcement: strict
      columns:
        customer: { type: string, nullable: false, unique: true }
        orders: { type: bigint, min: 1 }
        revenue: { type: decimal, precision: 38, scale: 2 }
    sink: { connection: warehouse, table: gold.revenue_by_customer, load_type: overwrite }
`
}
