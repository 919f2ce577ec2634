/** The oldest Node.js that has everything the embedded engine needs: `node:sqlite` without a flag. */
const oldest = [22, 13] as const

/** What to tell somebody whose Node.js is too old, or `undefined`. `version` as in `process.versions.node`. */
export function nodeVersionProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return undefined
  return (
    `Sluice needs Node.js ${oldest.join('.')} or newer, and this is ${version}. Nothing was done. ` +
    'Install a newer one from https://nodejs.org, or run: npx node@24 with this script'
  )
}
