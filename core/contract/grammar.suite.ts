import type { ScalarType } from './column-types.ts'

/** The types on which the grammar's tests run. */
export const types: readonly ScalarType[] = [
  { type: 'string' },
  { type: 'boolean' },
  { type: 'tinyint' },
  { type: 'smallint' },
  { type: 'integer' },
  { type: 'bigint' },
  { type: 'float' },
  { type: 'double' },
  { type: 'date' },
  { type: 'timestamp' },
  { type: 'timestamp_tz' },
  { type: 'time' },
  { type: 'uuid' },
  { type: 'binary' },
  { type: 'json' },
  { type: 'decimal', precision: 18, scale: 2 },
  { type: 'decimal', precision: 5, scale: 2 },
  { type: 'decimal', precision: 5, scale: 0 },
  { type: 'decimal', precision: 4, scale: 3 },
  { type: 'decimal', precision: 3, scale: 3 },
  { type: 'decimal', precision: 38, scale: 10 },
  { type: 'decimal', precision: 38, scale: 38 },
]

/** By `typeText`: what is a value of the type. */
export const accepted: Readonly<Record<string, readonly string[]>> = {
  string: ['', ' ', 'null', 'x', '\0', 'é', '12'],
  boolean: ['true', 'false', 'TRUE', 'False', 'tRuE'],
  tinyint: ['0', '127', '-128', '+127', '007', '-0', '00000000000000000000127'],
  smallint: ['32767', '-32768', '128', '+0'],
  integer: ['2147483647', '-2147483648', '0', '+5', '007', '-0', '00', '12'],
  bigint: ['9223372036854775807', '-9223372036854775808', '2147483648', '+1'],
  float: ['1.5', '-1', '1e3', '1E-3', '+0.5', '3.4e38', '1e-50', '007.50'],
  double: [
    '1.5',
    '-1',
    '1e3',
    '1E+3',
    '1e-3',
    '0',
    '-0.0',
    '1e308',
    '1e-400',
    '123456789012345678901234567890',
  ],
  date: ['2024-01-05', '0001-01-01', '9999-12-31', '2024-02-29', '2000-02-29'],
  timestamp: [
    '2024-01-05T10:00:00',
    '2024-01-05 10:00:00',
    '2024-01-05T10:00',
    '2024-01-05 23:59:59.999999',
    '2024-01-05T10:00:00.1',
    '2024-01-05T10:00:00.100',
    '0001-01-01 00:00:00',
    '9999-12-31T23:59:59.999999',
  ],
  timestamp_tz: [
    '2024-01-05T10:00:00Z',
    '2024-01-05 10:00:00+05:30',
    '2024-01-05T10:00Z',
    '2024-01-05T10:00-08:00',
    '2024-01-05T10:00:00.123456-00:00',
    '2024-01-05T10:00:00+15:59',
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999999Z',
  ],
  time: ['00:00', '10:00', '23:59:59', '23:59:59.999999', '10:00:00.5', '10:00:00.500', '00:00:00.000001'],
  uuid: [
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
    'a0eebc99-9C0B-4ef8-BB6D-6bb9bd380a11',
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
  ],
  binary: ['', '00', 'ff', 'FF', '0aFf', 'deadbeef', '00000000'],
  json: [
    '{}',
    '[]',
    'null',
    'true',
    '0',
    '-0',
    '1.50',
    '1e400',
    '123456789012345678901234567890',
    '"x"',
    '""',
    '{"a":1}',
    ' {"a" : [1, 2, {}] }\n',
    '{"a":1,"a":2}',
    '{"":null}',
    '[[[]]]',
    '[1,"a"]',
    '{"a":"b","c":["d"]}',
    '"NaN, [1,]"',
    '"\\"nan\\""',
    '"a\\\\"',
    '"\\u0041\\n\\/"',
    '"\\ud83d\\ude00"',
    '"é²"',
    '[1,\t2,\r\n3]',
    '{"info":"nan"}',
    '["nan, inf]","Infinity",1]',
    '["nan\\"]",[]]',
  ],
  'decimal(18,2)': [
    '12',
    '12.3',
    '12.34',
    '-0.01',
    '+5',
    '007.50',
    '9999999999999999.99',
    '0',
    '-0',
    '00000000000000000000012.30',
  ],
  'decimal(5,2)': ['999.99', '-999.99', '0.1', '1', '00999.9'],
  'decimal(5,0)': ['99999', '-99999', '0', '+1'],
  'decimal(3,3)': ['0.123', '-0.999', '0', '0.5', '00.5'],
}

/** By `typeText`: what is none, above all what TRY_CAST takes for one. */
export const refused: Readonly<Record<string, readonly string[]>> = {
  boolean: ['', '1', '0', 'yes', 'no', 't', 'f', 'y', 'Y', 'on', ' true', 'true ', 'truee', 'null'],
  tinyint: ['128', '-129', '12.0', '1e1', '0x1F', '1_0', ' 1', '1 '],
  smallint: ['32768', '-32769', '1e3'],
  integer: [
    '',
    '12.7',
    '.5',
    '5.',
    '1e3',
    '1E3',
    '0x1F',
    '0b101',
    '1_000',
    ' 12 ',
    '\t12',
    '12\n',
    '2147483648',
    '-2147483649',
    '--5',
    '+-5',
    '5-',
    '²',
    '١',
    '１',
    '1,000',
    'true',
    '+',
    '-',
  ],
  bigint: ['1.5', '9223372036854775808', '-9223372036854775809', '1e2', '0x7F'],
  float: ['nan', 'inf', '-inf', 'Infinity', '1e39', '3.5e38', '.5', '5.', '1_0', '0x1p3', ' 1', '1f'],
  double: [
    '',
    'nan',
    'NaN',
    'inf',
    '-Infinity',
    '1e400',
    '-1e400',
    '.5',
    '5.',
    '1_000.5',
    '0x1F',
    ' 1',
    '1 ',
    '+-5',
    '1e',
    '1e+',
    'e5',
    '1.2.3',
    '1,5',
    '1d',
  ],
  date: [
    '',
    '2024-01-05 garbage',
    '2024-01-05T10:00:00',
    '4713-01-01 BC',
    '4713-01-01 (BC)',
    'infinity',
    '-infinity',
    'epoch',
    '2024-1-5',
    '2024-1-05',
    '24-01-05',
    '20240105',
    '2024/01/05',
    '2024-02-30',
    '2023-02-29',
    '1900-02-29',
    '2024-13-01',
    '2024-00-01',
    '2024-01-00',
    '0000-01-01',
    '10000-01-01',
    '-2024-01-01',
    ' 2024-01-05',
    '2024-01-05 ',
    '05-01-2024',
    'now',
    'today',
  ],
  timestamp: [
    '',
    '2024-01-05',
    '2024-01-05T10:00:00+05:30',
    '2024-01-05T10:00:00Z',
    '2024-01-05T10:00:00.1234567',
    '2024-01-05T24:00:00',
    '2024-01-05T23:59:60',
    '2024-01-05T23:60:00',
    '2024-01-05t10:00:00',
    '2024-01-05  10:00:00',
    '2024-01-05T10',
    '2024-01-05T1:02:03',
    '2024-01-05T10:00:00.',
    'infinity',
    'epoch',
    '2023-02-29T10:00:00',
    '10000-01-01 00:00:00',
    '2024-01-05 10:00:00 UTC',
    '2024-01-05 10:00:00 (BC)',
    '1704448800',
  ],
  timestamp_tz: [
    '',
    '2024-01-05T10:00:00',
    '2024-01-05T10:00:00z',
    '2024-01-05T10:00:00+0530',
    '2024-01-05T10:00:00+05',
    '2024-01-05T10:00:00+16:00',
    '2024-01-05T10:00:00+05:60',
    '2024-01-05T10:00:00 +05:30',
    '2024-01-05T10:00:00 UTC',
    '2024-01-05T10:00:00 Europe/Berlin',
    '2024-01-05T24:00:00Z',
    '2024-01-05T10:00:00.1234567Z',
    '0001-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59.999999-00:01',
    'infinity',
    '2023-02-29T10:00:00Z',
  ],
  time: [
    '',
    '24:00',
    '24:00:00',
    '23:59:60',
    '23:60',
    '10',
    '1:02:03',
    '10:0',
    '10:00:00.',
    '10:00:00.1234567',
    '10:00:00+02:00',
    '10:00:00Z',
    ' 10:00',
    '10:00 ',
    'T10:00',
    '10.00',
    '1000',
    '2024-01-05 10:00:00',
    '10:00 AM',
    '-10:00',
    '99:00:00',
  ],
  uuid: [
    '',
    'a0eebc999c0b4ef8bb6d6bb9bd380a11',
    '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}',
    'urn:uuid:a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111',
    'g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    ' a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'a0eebc99_9c0b_4ef8_bb6d_6bb9bd380a11',
  ],
  binary: ['0', '000', '0x00', '\\x00', 'zz', 'AP8=', ' 00', '00 ', '00 00', '0 0', 'ſſ'],
  json: [
    '',
    ' ',
    'x',
    'NaN',
    'nan',
    '[Infinity]',
    '[-inf]',
    '[1,]',
    '{"a":1,}',
    '["x", ]',
    '[1,\n]',
    'NaN\n',
    '["nan",-nan]',
    '{"info":"nan","b":inf }',
    '{"a":"x,]","b":[1,]}',
    '["Infinity",infinity\t]',
    '[,]',
    '[1,,2]',
    '[01]',
    '[1.]',
    '[.5]',
    '[+1]',
    '-',
    '[1e]',
    '{a:1}',
    "{'a':1}",
    '{"a"}',
    '{"a":}',
    'True',
    'NULL',
    'undefined',
    '1 2',
    '[1',
    '"a',
    '"a\tb"',
    '"\\x"',
    '"\\u12"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '// c\n1',
    '[1 /* c */]',
    '0x1F',
    '\ufeff1',
    '\u00a01',
  ],
  'decimal(18,2)': [
    '',
    '12.345',
    '12.340',
    '1e2',
    '.5',
    '5.',
    ' 12',
    '12 ',
    '1_000',
    '10000000000000000',
    '0x1F',
    'nan',
    '1,5',
    '--1',
    '12.3a',
  ],
  'decimal(5,2)': ['99999', '1000', '1000.00', '9999.99', '1.230', '0.001', '1E+2', 'Infinity'],
  'decimal(5,0)': ['1.0', '100000', '1.', '1e1'],
  'decimal(3,3)': ['1', '.123', '0.1234', '1.000', '0.12e1'],
}

/** All of the above and more, for judging every type with the spellings of every other. */
export const spellings: readonly string[] = [
  ...new Set([
    ...Object.values(accepted).flat(),
    ...Object.values(refused).flat(),
    ...[
      '5\0',
      '\0',
      '﻿5',
      '12 ',
      '1e5.5',
      '0e0',
      '1e00000000000000000001',
      '5',
      '-.',
      '+.5',
      '..',
      '1 000',
      '$5',
    ],
    ...['4e-46', '1e-46', '1.7976931348623157e308', '1.7976931348623159e308', '3.4028235e38', '3.4028236e38'],
    ...['9'.repeat(38), '9'.repeat(39), `0.${'1'.repeat(38)}`, `0.${'1'.repeat(39)}`, `${'0'.repeat(60)}1`],
    ...[
      '2024-060',
      '2024-W23-6',
      '12:00',
      '02024-01-05',
      '12024-01-05',
      '2024-01-5',
      '2024-01-5 ',
      ' 024-01-05',
    ],
    ...['2024-1--05', '2024 01 05', '2024\\01\\05', '0044-03-15 (BC)', '294247-01-10 04:00:54.775807'],
    ...[
      '294247-01-10 04:00:54.775807 Europe/Berlin',
      '294247-01-10T04:00:54-15:59',
      '99999-01-01 00:00:00 US/Pacific',
    ],
    ...[
      '2024-01-05 01:2:03',
      '2024-01-05 10:00:00+00',
      '2024-01-05T10:00:00-15:59',
      '2024-01-05 10:00:00.000000',
    ],
  ]),
]

/**
 * The grammar once more, as a reader of characters that shares nothing with the product: what three
 * implementations agree on is not one's slip.
 */
export function oracle(type: ScalarType, text: string): boolean {
  const reader = new Reader(text)
  switch (type.type) {
    case 'string':
      return true
    case 'boolean':
      return ['true', 'false'].includes([...text].map(lowerAscii).join(''))
    case 'tinyint':
      return reader.sign() && reader.digits() > 0 && reader.done() && between(text, -(2n ** 7n), 2n ** 7n)
    case 'smallint':
      return reader.sign() && reader.digits() > 0 && reader.done() && between(text, -(2n ** 15n), 2n ** 15n)
    case 'integer':
      return reader.sign() && reader.digits() > 0 && reader.done() && between(text, -(2n ** 31n), 2n ** 31n)
    case 'bigint':
      return reader.sign() && reader.digits() > 0 && reader.done() && between(text, -(2n ** 63n), 2n ** 63n)
    case 'decimal': {
      reader.sign()
      while (reader.peek() === '0') reader.take()
      const whole = reader.digits()
      const some = whole > 0 || /[0]/.test(text[reader.at - 1] ?? '')
      let fraction = 0
      if (reader.peek() === '.') {
        reader.take()
        fraction = reader.digits()
        if (fraction === 0) return false
      }
      return some && reader.done() && whole <= type.precision - type.scale && fraction <= type.scale
    }
    case 'float':
    case 'double': {
      reader.sign()
      if (reader.digits() === 0) return false
      if (reader.peek() === '.') {
        reader.take()
        if (reader.digits() === 0) return false
      }
      if (reader.peek() === 'e' || reader.peek() === 'E') {
        reader.take()
        reader.sign()
        if (reader.digits() === 0) return false
      }
      const limit = type.type === 'float' ? 3.4028235677973366e38 : Number.POSITIVE_INFINITY
      return reader.done() && Math.abs(Number(text)) < limit
    }
    case 'time':
      return reader.clock() && reader.done()
    case 'uuid': {
      const parts = text.split('-')
      return parts.map((part) => part.length).join() === '8,4,4,4,12' && parts.every(isHex)
    }
    case 'binary':
      return text.length % 2 === 0 && isHex(text)
    case 'json':
      return reader.json() && reader.done()
    case 'date':
      return reader.day() && reader.done()
    case 'timestamp':
      return reader.day() && reader.time() && reader.done()
    case 'timestamp_tz': {
      if (!reader.day() || !reader.time()) return false
      const at = reader.at
      if (!reader.zone() || !reader.done()) return false
      const [date, time] = [text.slice(0, 10), text.slice(11, at)]
      const seconds = time.length === 5 ? `${time}:00` : time.slice(0, 8)
      const offset =
        text.slice(at) === 'Z' ? 0 : Number(text.slice(at + 1, at + 3)) * 60 + Number(text.slice(at + 4))
      const utc = Date.parse(`${date}T${seconds}Z`) - (text[at] === '-' ? -offset : offset) * 60_000
      return utc >= Date.parse('0001-01-01T00:00:00Z') && utc <= Date.parse('9999-12-31T23:59:59Z')
    }
  }
}

const isHex = (text: string) => [...text].every((c) => '0123456789abcdefABCDEF'.includes(c))

const lowerAscii = (c: string) => (c >= 'A' && c <= 'Z' ? String.fromCharCode(c.charCodeAt(0) + 32) : c)

function between(text: string, min: bigint, above: bigint): boolean {
  const value = text.startsWith('+') ? BigInt(text.slice(1)) : BigInt(text)
  return value >= min && value < above
}

class Reader {
  readonly text: string
  at = 0

  constructor(text: string) {
    this.text = text
  }

  peek(): string {
    return this.text[this.at] ?? ''
  }

  take(): string {
    return this.text[this.at++] ?? ''
  }

  done(): boolean {
    return this.at === this.text.length
  }

  sign(): true {
    if (this.peek() === '+' || this.peek() === '-') this.at++
    return true
  }

  digits(): number {
    const start = this.at
    while (this.peek() >= '0' && this.peek() <= '9' && this.peek() !== '') this.at++
    return this.at - start
  }

  /** Exactly `n` digits as a number, or −1. */
  number(n: number): number {
    const start = this.at
    return this.digits() === n ? Number(this.text.slice(start, this.at)) : -1
  }

  day(): boolean {
    const year = this.number(4)
    if (year < 1 || this.take() !== '-') return false
    const month = this.number(2)
    if (month < 1 || month > 12 || this.take() !== '-') return false
    const day = this.number(2)
    const last = new Date(0)
    last.setUTCFullYear(year, month, 0)
    return day >= 1 && day <= last.getUTCDate()
  }

  time(): boolean {
    return ['T', ' '].includes(this.take()) && this.clock()
  }

  clock(): boolean {
    const hour = this.number(2)
    if (hour < 0 || hour > 23 || this.take() !== ':') return false
    const minute = this.number(2)
    if (minute < 0 || minute > 59) return false
    if (this.peek() !== ':') return true
    this.take()
    const second = this.number(2)
    if (second < 0 || second > 59) return false
    if (this.peek() !== '.') return true
    this.take()
    const places = this.digits()
    return places >= 1 && places <= 6
  }

  space(): true {
    while (this.peek() !== '' && ' \t\r\n'.includes(this.peek())) this.at++
    return true
  }

  word(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false
    this.at += word.length
    return true
  }

  /** One value with the white space around it. */
  json(): boolean {
    this.space()
    const c = this.peek()
    const ok =
      c === '{'
        ? this.list(
            '}',
            () => this.space() && this.string() && this.space() && this.take() === ':' && this.json(),
          )
        : c === '['
          ? this.list(']', () => this.json())
          : c === '"'
            ? this.string()
            : this.word('true') || this.word('false') || this.word('null') || this.jsonNumber()
    return ok && this.space()
  }

  list(end: string, member: () => boolean): boolean {
    this.take()
    this.space()
    if (this.peek() === end) return this.take() === end
    for (;;) {
      if (!member()) return false
      this.space()
      const c = this.take()
      if (c === end) return true
      if (c !== ',') return false
    }
  }

  string(): boolean {
    if (this.take() !== '"') return false
    let high = false
    for (;;) {
      const c = this.take()
      if (c === '' || c < ' ') return false
      if (c === '"') return !high
      if (c !== '\\') {
        if (high) return false
        continue
      }
      const kind = this.take()
      const unit = kind === 'u' ? this.unit() : 0
      if (unit < 0 || (kind !== 'u' && (kind === '' || !'"\\/bfnrt'.includes(kind)))) return false
      const low = unit >= 0xdc00 && unit <= 0xdfff
      if (high !== low) return false
      high = unit >= 0xd800 && unit <= 0xdbff
    }
  }

  unit(): number {
    const digits = this.text.slice(this.at, this.at + 4)
    this.at += 4
    return digits.length === 4 && isHex(digits) ? Number.parseInt(digits, 16) : -1
  }

  jsonNumber(): boolean {
    if (this.peek() === '-') this.take()
    const zero = this.peek() === '0'
    const digits = this.digits()
    if (digits === 0 || (zero && digits > 1)) return false
    if (this.peek() === '.') {
      this.take()
      if (this.digits() === 0) return false
    }
    if (this.peek() === 'e' || this.peek() === 'E') {
      this.take()
      this.sign()
      if (this.digits() === 0) return false
    }
    return true
  }

  zone(): boolean {
    const c = this.take()
    if (c === 'Z') return true
    if (c !== '+' && c !== '-') return false
    const hour = this.number(2)
    if (hour < 0 || hour > 15 || this.take() !== ':') return false
    const minute = this.number(2)
    return minute >= 0 && minute <= 59
  }
}
