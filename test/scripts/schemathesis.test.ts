import { spawn } from 'node:child_process'
import { expect, it } from 'vitest'

/**
 * The server answers whatever its OpenAPI document allows and forbids as the document says, found out by Schemathesis. Few examples, so that it takes half a
 * minute; `npm run schemathesis` takes more. The first run also installs it.
 */
it('schemathesis finds nothing', { timeout: 600_000 }, async () => {
  const child = spawn(process.execPath, ['scripts/schemathesis.ts', '--examples', '2', '--minutes', '8'], {
    cwd: new URL('../../', import.meta.url).pathname,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect(code, said).toBe(0)
  expect(said).toMatch(/No issues found/)
  const [, generated = '0'] = /(\d+) generated/.exec(said) ?? []
  expect(Number(generated)).toBeGreaterThan(500)
})
