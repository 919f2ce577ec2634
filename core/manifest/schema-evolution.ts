import { z } from 'zod'

export const schemaEvolutionSchema = z
  .strictObject({
    mode: z
      .enum(['strict', 'additive', 'widening'])
      .default('widening')
      .describe(
        '`strict`: the table’s schema never changes. `additive`: new columns. `widening`: also wider types and renamed columns, and an overwrite may leave columns out.',
      ),
    columns: z
      .enum(['evolve', 'freeze', 'ignore', 'quarantine'])
      .default('evolve')
      .describe(
        'A column that the table has not. `evolve`: it is added, as far as `mode` goes. `freeze`: the dataflow stops. `ignore`: it is not loaded. `quarantine`: rows with a value in it are set aside.',
      ),
    data_type: z
      .enum(['evolve', 'freeze', 'quarantine'])
      .default('evolve')
      .describe(
        'A column of another type than the table’s. `evolve`: the table’s is widened where it can be. `freeze`: the dataflow stops. `quarantine`: the table keeps its type, and rows whose value is none of it are set aside.',
      ),
    nullability: z
      .enum(['relax', 'freeze', 'tighten'])
      .default('relax')
      .describe(
        '`relax`: a required column becomes optional where the contract lets NULL in. `freeze`: the dataflow stops. `tighten`: besides, `nullable: false` makes columns required.',
      ),
    narrowing: z
      .enum(['fail', 'quarantine'])
      .default('fail')
      .describe(
        'A type of the same kind with values that the table’s cannot hold (bigint into integer, timestamp into date). `quarantine`: rows whose value does not fit are set aside.',
      ),
    column_order: z
      .enum(['table', 'load'])
      .default('table')
      .describe('Whose order the table’s columns have. Rows are read by field id either way.'),
    apply_safe: z
      .boolean()
      .default(true)
      .describe(
        'Whether changes of metadata alone are made without asking; if not, each needs `sluice schema approve`.',
      ),
  })
  .describe('How the table’s schema may change.')
