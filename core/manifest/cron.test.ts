import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cronMistake, rateMistake } from './cron.ts'
import { timeZoneMistake } from './time-zone.ts'

describe('cron', () => {
  test.each([
    '0 6 * * ? *',
    '*/15 * * * ? *',
    '0/5 8-17 ? * MON-FRI *',
    '0 18-23,0-6 ? JAN-MAR,DEC 2-6 *',
    '15 10 ? * 6L 2026-2030',
    '15 10 ? * FRIL *',
    '0 9 ? * TUE#2 *',
    '0 9 ? * 3#5 *',
    '0 9 ? * L *',
    '0 0 L * ? *',
    '0 0 1W * ? *',
    '0 0 31W 1/3 ? *',
    '0 0 1,15,31 * ? 1970,2199',
    '10-50/20 0 1-31/2 * ? 2026/2',
    '59 23 ? 12 SUN,SAT *',
    ' 0  6 * * ? * ',
  ])('%s is taken', (text) => {
    expect(cronMistake(text)).toBeUndefined()
  })

  test.each([
    ['cron(0 6 * * ? *)', /without cron\( \)/],
    ['', /it has 1 field, and six are needed/],
    ['0 6 * ? *  * *', /it has 7 fields/],
    ['0 6 * * *', /a sixth one, the year: write 0 6 \* \* \? \*/],
    ['0 6 1,15 * *', /write 0 6 1,15 \* \? \*/],
    ['0 6 * * mon-fri', /write 0 6 \? \* MON-FRI \*/],
    ['0 6 * * 1-5', /weekdays as SUN to SAT/],
    ['0 6 1 * MON', /weekdays as SUN to SAT/],
    ['0 6 * * * *', /exactly one of .* is \?: write 0 6 \* \* \? \*/],
    ['0 6 1 * * *', /write 0 6 1 \* \? \*/],
    ['0 6 * * MON *', /write 0 6 \? \* MON \*/],
    ['0 6 ? * ? *', /both are: write 0 6 \* \* \? \*/],
    ['0 6 1 * MON *', /both name days: put \?/],
    ['60 6 * * ? *', /^minutes: `60` is none of 0 to 59/],
    ['-1 6 * * ? *', /^minutes: `` is none of/],
    ['? 6 * * ? *', /^minutes: `\?` is none of/],
    ['0 24 * * ? *', /^hours: `24`/],
    ['0 6 0 * ? *', /^day of month: `0` is none of 1 to 31.*15W/],
    ['0 6 32W * ? *', /^day of month/],
    ['0 6 LW * ? *', /^day of month/],
    ['0 6 1,L * ? *', /^day of month: `L`/],
    ['0 6 * 13 ? *', /^month: `13` is none of 1 to 12 or JAN to DEC/],
    ['0 6 * january ? *', /^month: `january` is written JAN/],
    ['0 6 * FOO ? *', /^month: `FOO`/],
    ['0 6 ? * 0 *', /^day of week: `0` is none of 1 to 7 or SUN to SAT/],
    ['0 6 ? * mon *', /`mon` is written MON/],
    ['0 6 ? * MON#6 *', /^day of week/],
    ['0 6 ? * 3#1,6#3 *', /^day of week/],
    ['0 6 ? * MON/2 *', /has a step, and there is none here/],
    ['0 6 ? * 15W *', /^day of week/],
    ['0 6 * * ? 1969', /^year: `1969` is none of 1970 to 2199/],
    ['0 6 * * ? 2200', /^year/],
    ['*,5 6 * * ? *', /`\*` is every value/],
    ['0/0 6 * * ? *', /step of `0\/0` must be a number from 1 to 59/],
    ['0/60 6 * * ? *', /from 1 to 59/],
    ['0/x 6 * * ? *', /from 1 to 59/],
    ['0/5/5 6 * * ? *', /two steps/],
    ['1-2-3 6 * * ? *', /is no range/],
    ['0 22-2 * * ? *', /goes backwards; write two: 22-23,0-2/],
    ['0 6 ? * FRI-MON *', /write two: FRI-SAT,SUN-MON/],
    ['1, 6 * * ? *', /^minutes: ``/],
  ])('%s is refused', (text, why) => {
    expect(cronMistake(text)).toMatch(why)
  })

  test('what a refusal says to write is taken', () => {
    const field = fc.constantFrom('*', '?', '5', '1,2', '1-3')
    const weekday = fc.constantFrom('*', '?', 'MON', '2-6', 'FRIL')
    fc.assert(
      fc.property(field, weekday, fc.boolean(), (dom, dow, hasYear) => {
        const mistake = cronMistake(`0 6 ${dom} * ${dow}${hasYear ? ' *' : ''}`)
        const written = /write (0 6 .*)$/.exec(mistake ?? '')
        if (written !== null) expect(cronMistake(written[1]!)).toBeUndefined()
      }),
    )
  })
})

describe('rate', () => {
  test.each(['1 minute', '15 minutes', '1 hour', '24 hours', '1 day', '365 days'])('%s is taken', (text) => {
    expect(rateMistake(text)).toBeUndefined()
  })

  test.each([
    ['rate(1 hour)', /without rate\( \)/],
    ['1 hours', /^write 1 hour$/],
    ['2 hour', /^write 2 hours$/],
    ['05 minutes', /^write 5 minutes$/],
    ['5m', /^write 5 minutes$/],
    ['1h', /^write 1 hour$/],
    ['1 Day', /^write 1 day$/],
    ['0 minutes', /from 1 to/],
    ['-5 minutes', /write a whole number/],
    ['1.5 hours', /write a whole number/],
    ['30 seconds', /write a whole number/],
    ['1 week', /write a whole number/],
    ['hourly', /write a whole number/],
    ['', /write a whole number/],
  ])('%s is refused', (text, why) => {
    expect(rateMistake(text)).toMatch(why)
  })
})

describe('time zones', () => {
  test.each(['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Etc/GMT+5'])(
    '%s is taken',
    (text) => {
      expect(timeZoneMistake(text)).toBeUndefined()
    },
  )

  test.each([
    ['europe/berlin', /^write Europe\/Berlin$/],
    ['utc', /^write UTC$/],
    ['Europe/Berlim', /did you mean Europe\/Berlin/],
    ['+01:00', /IANA/],
    ['Mars/Olympus', /IANA/],
    ['', /IANA/],
  ])('%s is refused', (text, why) => {
    expect(timeZoneMistake(text)).toMatch(why)
  })
})
