import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const copy = join(import.meta.dirname, '..', 'conformance')
const original = join(import.meta.dirname, '..', '..', '..', 'shared', 'conformance')

test('the conformance cases are those of the specification, byte for byte', ({ skip }) => {
  skip(!existsSync(original), 'the specification is not beside this checkout, so there is nothing to compare with')
  const names = readdirSync(original, { recursive: true, encoding: 'utf8' }).sort()
  expect(readdirSync(copy, { recursive: true, encoding: 'utf8' }).sort()).toEqual(names)
  for (const name of names) {
    expect(
      readFileSync(join(copy, name)).equals(readFileSync(join(original, name))),
      `${name} differs from the original: copy it anew`,
    ).toBe(true)
  }
})
