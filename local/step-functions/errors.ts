/** An answer with an error, under the name that AWS gives it and by which clients catch it. */
export class ServiceError extends Error {
  readonly status: number

  constructor(name: string, message: string, status = 400) {
    super(message)
    this.name = name
    this.status = status
  }
}

export function invalid(message: string): ServiceError {
  return new ServiceError('ValidationException', message)
}
