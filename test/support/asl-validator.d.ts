declare module 'asl-validator' {
  interface Verdict {
    readonly isValid: boolean
    readonly errors: readonly unknown[]
  }
  const validate: (definition: unknown, options?: { readonly checkArn?: boolean }) => Verdict
  export default validate
}
