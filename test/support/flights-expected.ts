import { join } from 'node:path'
import type { RowCounts } from '../../core/runs/items.ts'
import type { Ask, Row } from './duckdb.ts'

/**
 * What the tables of examples/flights must hold, worked out with plain SQL on the delivered files. Nothing of
 * the manifest is used, so that a mistake there or in the engine shows.
 */
export interface Expected {
  /** By dataflow, for a first run. */
  readonly rows: Readonly<Record<string, RowCounts>>
  /** By table. */
  readonly tables: Readonly<Record<string, readonly Row[]>>
  /** Checksums of the big tables, which are not compared row by row. */
  readonly sums: Readonly<Record<string, Row>>
}

export const flightSums = `count(*) AS n, sum(delay)::BIGINT AS delay, sum(distance)::BIGINT AS distance,
  count(DISTINCT origin) AS origins, max(date) AS newest, sum(epoch_ms(date))::DECIMAL(38, 0)::VARCHAR AS dates`

export const airportSums = `count(*) AS n, round(sum(latitude::DOUBLE), 4) AS latitude,
  round(sum(longitude::DOUBLE), 4) AS longitude, count(state) AS states`

export async function expectFlights(ask: Ask, landing: string): Promise<Expected> {
  await ask(`CREATE OR REPLACE TABLE flight AS FROM read_parquet('${join(landing, 'flights-*.parquet')}')`)
  await ask(`CREATE OR REPLACE TABLE airport AS
    FROM read_csv('${join(landing, 'airports.csv')}', all_varchar = true, nullstr = ['', 'NA'])`)
  await ask(
    `CREATE OR REPLACE TABLE strike AS FROM read_csv('${join(landing, 'birdstrikes*.csv')}', all_varchar = true)`,
  )
  await ask(`CREATE OR REPLACE TABLE movie AS FROM read_json('${join(landing, 'movies.json')}', columns = {
    "Title": VARCHAR, "US Gross": BIGINT, "Worldwide Gross": BIGINT, "Production Budget": BIGINT,
    "Release Date": VARCHAR, "MPAA Rating": VARCHAR, "Major Genre": VARCHAR, "IMDB Rating": DOUBLE})`)
  await ask(`CREATE OR REPLACE TABLE good_flight AS FROM flight WHERE delay >= -120`)
  await ask(`CREATE OR REPLACE TABLE good_strike AS FROM strike
    WHERE "Effect Amount of damage" IN ('None', 'Minor', 'Medium', 'Substantial')`)
  await ask(`CREATE OR REPLACE TABLE good_movie AS FROM movie WHERE "Title" IS NOT NULL AND "US Gross" IS NOT NULL
    AND "Production Budget" IS NOT NULL AND coalesce("MPAA Rating", 'G') <> 'Open'`)
  await ask(
    `CREATE OR REPLACE TABLE dated_movie AS FROM good_movie WHERE right("Release Date", 4)::INT <= 2011`,
  )
  await ask(
    `CREATE OR REPLACE TABLE us_airport AS FROM airport WHERE iata SIMILAR TO '[A-Z]{3}' AND country = 'USA'`,
  )
  return { rows: await rowCounts(ask), tables: await goldTables(ask), sums: await sums(ask) }
}

async function rowCounts(ask: Ask): Promise<Record<string, RowCounts>> {
  const count = async (table: string) => Number((await ask(`SELECT count(*) AS n FROM ${table}`))[0]?.n)
  const judged = async (all: string, good: string): Promise<RowCounts> => {
    const [read, accepted] = [await count(all), await count(good)]
    return { read, accepted, quarantined: read - accepted, filtered: 0, deduplicated: 0 }
  }
  return {
    flights_raw: await judged('flight', 'good_flight'),
    airports_raw: await judged('airport', 'airport'),
    airports_strict: await judged('airport', '(FROM airport WHERE state IS NOT NULL)'),
    birdstrikes_raw: await judged('strike', 'good_strike'),
    movies_raw: await judged('movie', 'good_movie'),
    airports: await judged('us_airport', 'us_airport'),
    flights: await judged('good_flight', 'good_flight'),
    birdstrikes: await judged('good_strike', 'good_strike'),
    movies: await judged('good_movie', 'dated_movie'),
    ...(await goldCounts(ask)),
  }
}

async function goldCounts(ask: Ask): Promise<Record<string, RowCounts>> {
  const tables = await goldTables(ask)
  const counts = Object.entries(tables).map(([table, { length }]): [string, RowCounts] => [
    table.replace('gold.', ''),
    { read: length, accepted: length, quarantined: 0, filtered: 0, deduplicated: 0 },
  ])
  return Object.fromEntries(counts)
}

async function goldTables(ask: Ask): Promise<Record<string, readonly Row[]>> {
  const delays = `count(*) AS flights, round(sum(delay) / count(*), 2) AS mean_delay_minutes`
  return {
    'gold.delay_by_origin':
      await ask(`SELECT origin, (SELECT name FROM us_airport WHERE iata = origin) AS airport,
        ${delays}, round(sum(if(delay >= 15, 1, 0)) / count(*), 4) AS late_share
      FROM good_flight GROUP BY origin HAVING count(*) >= 100 ORDER BY origin`),
    'gold.delay_by_state':
      await ask(`SELECT coalesce(state, 'unknown') AS state, count(DISTINCT origin) AS airports,
        ${delays}, max(delay) AS worst_delay_minutes
      FROM good_flight LEFT JOIN us_airport ON iata = origin GROUP BY ALL ORDER BY state`),
    'gold.strikes_by_phase': await ask(`SELECT "Phase of flight" AS phase, count(*) AS strikes,
        sum(if("Effect Amount of damage" = 'None', 0, 1))::BIGINT AS damaged, sum("Cost Total $"::BIGINT)::BIGINT AS cost_usd
      FROM good_strike GROUP BY ALL ORDER BY phase`),
    'gold.gross_by_genre': await ask(`SELECT coalesce("Major Genre", 'Unknown') AS genre, count(*) AS films,
        sum("US Gross")::BIGINT AS us_gross_usd, sum("Worldwide Gross")::BIGINT AS worldwide_gross_usd,
        round(avg("IMDB Rating"::DECIMAL(3, 1)), 2) AS mean_imdb_rating
      FROM dated_movie GROUP BY ALL ORDER BY genre`),
  }
}

async function sums(ask: Ask): Promise<Record<string, Row>> {
  return {
    'bronze.flights': (await ask(`SELECT ${flightSums} FROM good_flight`))[0] as Row,
    'bronze.airports': (await ask(`SELECT ${airportSums} FROM airport`))[0] as Row,
  }
}
