/** How the S3 adapter cuts large objects: bytes. Here, because cost counts requests by them without the SDK. */

/** Up to this a file is read into memory and sent in one request, which can be repeated. */
export const multipartAbove = 32 * 1024 * 1024

export const partSize = 16 * 1024 * 1024

/** S3's limit; a larger file gets larger parts. */
export const maxParts = 10_000

/** One connection to S3 is slower than a function's network; above this, several share an object. */
export const rangedAbove = 32 * 1024 * 1024

export const rangeSize = 32 * 1024 * 1024
