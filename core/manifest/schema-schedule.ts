import { z } from 'zod'
import { cronMistake, rateMistake } from './cron.ts'
import { refuse } from './schema-texts.ts'
import { timeZoneMistake } from './time-zone.ts'

const singleSpaces = (text: string): string => text.trim().replaceAll(/\s+/g, ' ')

export const scheduleSchema = z
  .union(
    [
      z.literal('never'),
      z.strictObject({
        cron: z
          .string()
          .overwrite(singleSpaces)
          .check(refuse(cronMistake))
          .optional()
          .describe('Minutes, hours, day of month, month, day of week, year: `0 6 * * ? *`.'),
        rate: z
          .string()
          .overwrite(singleSpaces)
          .check(refuse(rateMistake))
          .optional()
          .describe('A number of minutes, hours or days, counted from the deployment: `1 hour`.'),
        time_zone: z
          .string()
          .check(refuse(timeZoneMistake))
          .default('UTC')
          .describe('In which `cron` is read: a name of the IANA database, such as `Europe/Berlin`.'),
        window_minutes: z
          .int()
          .min(1)
          .max(1440)
          .optional()
          .describe('The run starts at some time within so many minutes. Without it, within the minute.'),
      }),
    ],
    { error: 'give it `cron` or `rate`, or write never' },
  )
  .describe('When a deployed stack starts the dataflow; `never` where `defaults` say otherwise.')
