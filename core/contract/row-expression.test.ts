import { describe, expect, test } from 'vitest'
import { scalarFunctions } from './pure-functions.ts'
import { checkRowExpression, type RowColumn } from './row-expression.ts'
import { openTestPool } from './scan.suite.ts'

const pool = openTestPool(1)
const columns: readonly RowColumn[] = [
  { name: 'a', type: 'INTEGER' },
  { name: 'b', type: 'DECIMAL(9,2)' },
  { name: 'name', type: 'VARCHAR' },
  { name: 'moment', type: 'TIMESTAMP' },
  { name: 'zoned', type: 'TIMESTAMP WITH TIME ZONE' },
  { name: 'order', type: 'BIGINT' },
  { name: '_Key "x"', type: 'UUID' },
  { name: 'place', type: 'STRUCT(city VARCHAR, zip INTEGER)' },
  { name: 'parts', type: 'INTEGER[]' },
  { name: 'current_user', type: 'VARCHAR' },
]
const check = (expr: string) => pool.use((engine) => checkRowExpression(engine, expr, columns))

describe('let through, with its type and its columns', () => {
  test.each<[string, string, readonly string[]]>([
    ['a >= b', 'BOOLEAN', ['a', 'b']],
    ['  b>a -- the comment ends here', 'BOOLEAN', ['a', 'b']],
    ['/* why */ a + 1', 'INTEGER', ['a']],
    ['A = "A" AND "order" > 0', 'BOOLEAN', ['a', 'order']],
    ['"_Key ""x""" IS NOT NULL', 'BOOLEAN', ['_Key "x"']],
    ["name LIKE 'x%' OR name SIMILAR TO '[a-z]+' OR name GLOB '*'", 'BOOLEAN', ['name']],
    ["upper(trim(name)) || '-' || substr(name, 2)", 'VARCHAR', ['name']],
    ['a IN (1, 2) AND b NOT BETWEEN 1 AND 2 AND NOT a IS DISTINCT FROM 3', 'BOOLEAN', ['a', 'b']],
    [
      'CASE WHEN a > 0 THEN coalesce(nullif(b, 0), 1) ELSE CAST(name AS DOUBLE) END',
      'DOUBLE',
      ['a', 'b', 'name'],
    ],
    [
      "date_part('year', moment) = 2024 AND moment + INTERVAL 1 DAY > TIMESTAMP '2024-01-01'",
      'BOOLEAN',
      ['moment'],
    ],
    ['age(moment, moment) < INTERVAL 1 DAY', 'BOOLEAN', ['moment']],
    ["strftime(zoned AT TIME ZONE 'UTC', '%Y')", 'VARCHAR', ['zoned']],
    ["place.city = 'x' AND place['zip'] = 1", 'BOOLEAN', ['place']],
    [
      'list_sum(list_transform(parts, lambda p: p + a)) > len([q FOR q IN parts IF q > 0])',
      'BOOLEAN',
      ['a', 'parts'],
    ],
    ['list_reduce(parts, lambda x, y: x + y)', 'INTEGER', ['parts']],
    ["name -> '$.a' ->> 'b'", 'VARCHAR', ['name']],
    ["{'a': a, 'b': [b]}", 'STRUCT(a INTEGER, b DECIMAL(9,2)[])', ['a', 'b']],
    ["current_user = 'x'", 'BOOLEAN', ['current_user']],
    ['TRY(a + 1)', 'INTEGER', ['a']],
    ["sha256(concat_ws('|', name, a))", 'VARCHAR', ['a', 'name']],
    ['true', 'BOOLEAN', []],
    ["'it''s -- no comment /* nor this' = name", 'BOOLEAN', ['name']],
    ['$$a)$$ = name', 'BOOLEAN', ['name']],
  ])('%s', async (expr, type, used) => {
    expect(await check(expr)).toEqual({ sql: `(${expr}\n)`, type, columns: used })
  })

  test('and stands by itself in SQL', async () => {
    await pool.use(async (engine) => {
      const { sql } = await checkRowExpression(engine, 'a > 1 OR a < 0 -- so', columns)
      expect(await engine.rows(`SELECT ${sql} AND false AS v, 7 AS w FROM (SELECT 5 AS a)`)).toEqual([
        { v: false, w: 7 },
      ])
    })
  })
})

describe('refused by name', () => {
  test.each<[string, RegExp]>([
    ['', /it is empty/],
    ['  ', /it is empty/],
    ['-- a > b', /SELECT clause without selection list/],
    ['a > b /* ', /comment/],
    ['a > b; ', /in brackets it is none/],
    ['a; DROP TABLE x', /it has a statement that is no SELECT/],
    ['a; SELECT 2', /several statements/],
    ['a, b', /several expressions/],
    ['a), (b', /syntax error/],
    ['1) FROM (SELECT 2', /syntax error/],
    ['a FROM range(3)', /in brackets it is none/],
    ['a WHERE true', /in brackets it is none/],
    ['a ORDER BY 1', /in brackets it is none/],
    ['a LIMIT 1', /in brackets it is none/],
    ['DISTINCT a', /in brackets it is none/],
    ['a AS b', /in brackets it is none/],
    ['a b', /in brackets it is none/],
    ['a UNION SELECT 1', /or a query/],
    ['SELECT 1', /syntax error/],
    ['*', /\* or COLUMNS\(\)/],
    ['COLUMNS(*)', /\* or COLUMNS\(\)/],
    ["COLUMNS('a') > 1", /\* or COLUMNS\(\)/],
    ['#1', /a column by its position/],
    ['$1 = a', /a parameter/],
    ['a = ?', /a parameter/],
    ['DEFAULT', /DEFAULT/],
    ['a = \0', /NUL/],
    ['(SELECT 1)', /a subquery/],
    ['a IN (SELECT 1)', /a subquery/],
    ['EXISTS (SELECT 1)', /a subquery/],
    ['a = ANY(parts)', /a subquery/],
    ['sum(a) > 1', /calls sum\(\), which is an aggregate/],
    ['COUNT(*) > 1', /calls count_star\(\), which is an aggregate/],
    ['list(a)', /calls list\(\), which is an aggregate/],
    ['geomean(a)', /calls geomean\(\), which is a macro/],
    ['sum(a) OVER ()', /a window/],
    ['row_number() OVER () = 1', /a window/],
    ['lag(a) OVER (ORDER BY b)', /a window/],
    ['name COLLATE nocase', /a collation/],
    ['random() < 0.5', /calls random\(\), which tells of the clock, of chance/],
    ['RANDOM() < 0.5', /calls random\(\)/],
    ['"random"() < 0.5', /calls random\(\)/],
    ['main.random() < 0.5', /calls random\(\)/],
    ['system.main.random() < 0.5', /calls system\.main\.random\(\)/],
    ['coalesce(a, random()) = 1', /calls random\(\)/],
    ['CASE WHEN a > 1 THEN uuid() END', /calls uuid\(\)/],
    ['list_transform(parts, lambda p: p + random())', /calls random\(\)/],
    ['parts[CAST(random() AS INTEGER)]', /calls random\(\)/],
    ['moment < now()', /calls now\(\)/],
    ['moment < get_current_timestamp()', /calls get_current_timestamp\(\)/],
    ['moment < transaction_timestamp()', /transaction_timestamp/],
    ['moment < current_date', /reads current_date, which is the clock/],
    ['moment < CURRENT_TIMESTAMP', /reads current_timestamp, which is the clock/i],
    ['moment < current_date()', /calls current_date\(\)/],
    ['moment < today()', /calls today\(\)/],
    ['moment < current_localtimestamp()', /current_localtimestamp/],
    ['age(moment) < INTERVAL 1 DAY', /age\(\), which of one argument reads the clock/],
    ['age(zoned) < INTERVAL 1 DAY', /age\(\), which of one argument reads the clock/],
    ['moment < ago(INTERVAL 1 DAY)', /calls ago\(\), which is a macro/],
    ["current_setting('threads') = '1'", /current_setting\(\)/],
    ["getvariable('x') = 1", /getvariable\(\)/],
    ["nextval('s') = 1", /nextval\(\)/],
    ['current_database() = name', /current_database\(\)/],
    ['version() = name', /version\(\)/],
    ['hash(a) = 1', /hash\(\)/],
    ["error('x')", /error\(\)/],
    ['sleep_ms(1000) = 1', /sleep_ms\(\)/],
    ["list_aggregate(parts, 'reservoir_quantile', 0.5) = 1", /list_aggregate\(\)/],
    ["list_aggr(parts, 'sum') = 1", /list_aggr\(\)/],
    ["read_text('/etc/passwd') = name", /calls read_text\(\), which is no scalar function/],
    ["glob('*') = name", /calls glob\(\)/],
    ["query('SELECT 1')", /calls query\(\)/],
    ['unnest(parts) = 1', /calls unnest\(\)/],
    ['no_such_function(a)', /calls no_such_function\(\), which is no scalar function/],
    ['a.random()', /calls a\.random\(\); write a function's name alone/],
    ['name.upper() = name', /calls name\.upper\(\)/],
    ['c > a', /names c, which is no column; the columns are a, b, name/],
    ['"A " = 1', /names A , which is no column/],
    ['t.a = 1', /names t, which is no column/],
    ['_sluice_row = 1', /names _sluice_row, which is no column/],
    ['place.street = 1', /street/],
    ['list_transform(parts, lambda p: q)', /names q, which is no column/],
    ["nothing -> '$.a' = '1'", /nothing/],
    ['name > 1.5 AND moment > 3', /DuckDB says/],
    ["regexp_matches(name, '(')", /DuckDB says/],
    ['a + moment', /DuckDB says/],
    ['CAST(a AS no_such_type)', /DuckDB says/],
    ["a > 'x'", /it compares a, which is of type INTEGER, with 'x', which is no value of it/],
    ["A IN (1, '2', 'two')", /compares a, which is of type INTEGER, with 'two'/],
    ["name = '' OR moment BETWEEN '2024-01-01' AND '2024-13-01'", /with '2024-13-01'/],
    ["'' <> a", /with ''/],
  ])('%s', async (expr, why) => {
    await expect(check(expr)).rejects.toMatchObject({
      code: 'EXPRESSION_REFUSED',
      name: 'ManifestError',
      message: expect.stringMatching(why),
    })
  })
})

/** Should another version of the engine bring a function, somebody has to judge it: here is what is let through. */
test('the functions that are let through', async () => {
  const functions = await pool.use(scalarFunctions)
  const allowed = [...functions].flatMap(([name, problem]) => (problem === null ? [name] : [])).sort()
  expect(allowed.filter((name) => /^[a-z]/.test(name)).join(' ')).toMatchInlineSnapshot(
    `"abs acos acosh add age alias apply array_append array_apply array_cat array_concat array_contains array_cosine_distance array_cosine_similarity array_cross_product array_distance array_distinct array_dot_product array_extract array_filter array_grade_up array_has array_has_all array_has_any array_indexof array_inner_product array_intersect array_length array_negative_dot_product array_negative_inner_product array_pop_back array_pop_front array_position array_prepend array_push_back array_push_front array_reduce array_resize array_reverse array_reverse_sort array_select array_slice array_sort array_to_json array_to_string array_to_string_comma_default array_transform array_unique array_value array_where array_zip ascii asin asinh atan atan2 atanh bar base64 bin bit_count bit_length bit_position bitstring can_cast_implicitly cardinality cast_to_type cbrt ceil ceiling century char_length character_length chr concat concat_ws constant_or_null contains cos cosh cot damerau_levenshtein date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname dayofmonth dayofweek dayofyear days_in_month decade decode degrees divide editdist3 element_at encode ends_with enum_code enum_first enum_last enum_range enum_range_boundary epoch epoch_ms epoch_ns epoch_us equi_width_bins era even exp factorial fdiv filter flatten floor fmod format format_bytes formatreadabledecimalsize formatreadablesize from_base64 from_binary from_hex from_json from_json_strict gamma gcd generate_series get_bit get_type grade_up greatest greatest_common_divisor hamming hex hour ilike_escape instr is_histogram_other_bin isfinite isinf isnan isodow isoyear jaccard jaro_similarity jaro_winkler_similarity json json_array json_array_length json_contains json_exists json_extract json_extract_path json_extract_path_text json_extract_string json_keys json_merge_patch json_object json_pretty json_quote json_structure json_transform json_transform_strict json_type json_valid json_value julian last_day lcase lcm least least_common_multiple left left_grapheme len length length_grapheme levenshtein lgamma like_escape list_any_value list_append list_apply list_approx_count_distinct list_avg list_bit_and list_bit_or list_bit_xor list_bool_and list_bool_or list_cat list_concat list_contains list_cosine_distance list_cosine_similarity list_count list_distance list_distinct list_dot_product list_element list_entropy list_extract list_filter list_first list_grade_up list_has list_has_all list_has_any list_histogram list_indexof list_inner_product list_intersect list_kurtosis list_kurtosis_pop list_last list_mad list_max list_median list_min list_mode list_negative_dot_product list_negative_inner_product list_pack list_position list_prepend list_product list_reduce list_resize list_reverse list_reverse_sort list_select list_sem list_skewness list_slice list_sort list_stddev_pop list_stddev_samp list_string_agg list_sum list_transform list_unique list_value list_var_pop list_var_samp list_where list_zip ln log log10 log2 lower lpad ltrim make_date make_time make_timestamp make_timestamp_ms make_timestamp_ns make_timestamptz make_type map map_concat map_contains map_contains_entry map_contains_value map_entries map_extract map_extract_value map_from_entries map_keys map_values md5 md5_number md5_number_lower md5_number_upper microsecond millennium millisecond minute mismatches mod month monthname multiply nanosecond nextafter nfc_normalize normalized_interval not_ilike_escape not_like_escape nullif octet_length ord parse_dirname parse_dirpath parse_filename parse_formatted_bytes parse_path pi position pow power prefix printf quarter radians range reduce regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace regexp_split_to_array remap_struct repeat replace replace_type reverse right right_grapheme round round_even roundbankers row row_to_json rpad rtrim second set_bit sha1 sha256 sign signbit sin sinh split split_part sqrt st_asbinary st_astext st_aswkb st_aswkt st_crs st_geomfromwkb st_intersects_extent st_setcrs starts_with str_split str_split_regex strftime string_split string_split_regex string_to_array strip_accents strlen strpos strptime struct_concat struct_contains struct_extract struct_extract_at struct_has struct_indexof struct_insert struct_keys struct_pack struct_position struct_update struct_values substr substring substring_grapheme subtract suffix switch tan tanh time_bucket timetz_byte_comparable timezone timezone_hour timezone_minute to_base to_base64 to_binary to_centuries to_days to_decades to_hex to_hours to_json to_microseconds to_millennia to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years translate trim trunc try_strptime typeof ucase unbin unhex unicode union_extract union_tag union_value unpivot_list upper url_decode url_encode uuid_extract_timestamp uuid_extract_version variant_bytes_to_variant variant_extract variant_normalize variant_to_parquet_variant variant_typeof week weekday weekofyear xor year yearweek"`,
  )
})
