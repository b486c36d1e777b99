import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { BROKEN_WHEN } from '../../cli/rules.ts'
import { RULES } from '../../dsl/diagnostics.ts'
import { fnflow, folderWith, oneFunction, ROOT } from './support.ts'

/**
 * What SARIF 2.1.0 (its sections in brackets) says of the objects that are written: required members, types, and no others.
 * A relative URI reference has no scheme, and nothing that would need escaping.
 */
const message = z.strictObject({ text: z.string().min(1), markdown: z.string().min(1).optional() })
const artifactLocation = z.strictObject({
  uri: z.string().regex(/^(?:[\w.~!$&'()*+,;=@-]|%[0-9A-F]{2}|\/)+$/),
  uriBaseId: z.literal('%SRCROOT%'),
})
const result = z.strictObject({
  ruleId: z.enum(RULES),
  ruleIndex: z.int().min(0),
  level: z.enum(['none', 'note', 'warning', 'error']),
  message,
  locations: z.array(
    z.strictObject({
      physicalLocation: z.strictObject({
        artifactLocation,
        region: z.strictObject({ startLine: z.int().min(1), startColumn: z.int().min(1) }),
      }),
      logicalLocations: z.array(z.strictObject({ fullyQualifiedName: z.string().startsWith('/'), kind: z.string() })).optional(),
    }),
  ),
})
const rule = z.strictObject({
  id: z.string(),
  shortDescription: message,
  fullDescription: message,
  defaultConfiguration: z.strictObject({ level: z.enum(['warning', 'error']) }),
})
const log = z.strictObject({
  $schema: z.url(),
  version: z.literal('2.1.0'),
  runs: z
    .array(
      z.strictObject({
        tool: z.strictObject({
          driver: z.strictObject({ name: z.string(), semanticVersion: z.string().regex(/^\d+\.\d+\.\d+/), rules: z.array(rule) }),
        }),
        columnKind: z.enum(['utf16CodeUnits', 'unicodeCodePoints']),
        originalUriBaseIds: z.record(z.string(), z.strictObject({ description: message })),
        artifacts: z.array(z.strictObject({ location: artifactLocation })),
        results: z.array(result),
      }),
    )
    .length(1),
})

const folder = folderWith({
  'good.json': oneFunction('hello'),
  'flows/bad one.yaml': 'flow: bad\nstart: a\nnodes:\n  a: { type: pass, label: "😀", nxt: b }\n  "/~": { type: pass, nxt: b }\n',
  'flows/broken.yml': 'flow: worse\nstart: a\nnodes: {\n',
})

async function checked(...paths: string[]): Promise<{ code: number | null; run: z.infer<typeof log>['runs'][number]; text: string }> {
  const { code, stdout } = await fnflow(['validate', ...paths, '--format', 'sarif'], { cwd: folder })
  const [run] = log.parse(JSON.parse(stdout)).runs
  return { code, run: run as NonNullable<typeof run>, text: stdout }
}

describe('fnflow validate --format sarif', () => {
  it('is a SARIF document with every rule and finding, where it is and how bad', async () => {
    const { code, run, text } = await checked('.')
    expect(code).toBe(2)
    expect(run.tool.driver.rules.map(({ id }) => id)).toEqual(RULES)
    expect(run.artifacts.map(({ location }) => location.uri)).toEqual(['flows/bad%20one.yaml', 'flows/broken.yml', 'good.json'])
    for (const { ruleId, ruleIndex } of run.results) expect(run.tool.driver.rules[ruleIndex]?.id).toBe(ruleId)
    const [first, second] = run.results
    expect(first).toMatchObject({
      ruleId: 'schema',
      level: 'error',
      message: { text: expect.stringContaining('nxt') as unknown },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: 'flows/bad%20one.yaml' },
            region: { startLine: 4, startColumn: 33 },
          },
          logicalLocations: [{ fullyQualifiedName: '/nodes/a/nxt' }],
        },
      ],
    })
    expect(second?.locations[0]?.logicalLocations?.[0]?.fullyQualifiedName).toBe('/nodes/~1~0')
    expect(run.results.map(({ ruleId, level }) => `${ruleId} ${level}`)).toEqual(
      expect.arrayContaining(['syntax error', 'unknown-function warning']),
    )
    // nothing of this machine
    expect(text).not.toContain(folder)
  })

  it('is a document without results where nothing is wrong, exit code 0', async () => {
    const alone = folderWith({ 'a.json': { flow: 'a', start: 'a', nodes: { a: { type: 'pass' } } } })
    const { code, stdout, stderr } = await fnflow(['validate', 'a.json', '--format', 'sarif'], { cwd: alone })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(log.parse(JSON.parse(stdout)).runs[0]?.results).toEqual([])
  })

  it('names files as seen from here, absolute ones and those outside too', async () => {
    const { stdout } = await fnflow(['validate', `${folder}/flows/broken.yml`, '--format', 'sarif'], { cwd: `${folder}/flows` })
    expect(log.parse(JSON.parse(stdout)).runs[0]?.artifacts).toEqual([{ location: { uri: 'broken.yml', uriBaseId: '%SRCROOT%' } }])
    const other = await fnflow(['validate', '../good.json', '--format', 'sarif'], { cwd: `${folder}/flows` })
    expect(log.parse(JSON.parse(other.stdout)).runs[0]?.artifacts[0]?.location.uri).toBe('../good.json')
  })

  it('refuses formats that there are not', async () => {
    const { code, stderr } = await fnflow(['validate', 'good.json', '--format', 'xml'], { cwd: folder })
    expect(code).toBe(2)
    expect(stderr).toMatch(/Allowed choices are text, json, sarif/)
  })

  it('describes rules in the words of docs/language.md', () => {
    const page = readFileSync(`${ROOT}docs/language.md`, 'utf8')
    const rows = [...page.matchAll(/^\| ((?:`[a-z-]+`(?:, )?)+) \| (.*) \|$/gm)].flatMap(([, names = '', text = '']) =>
      [...names.matchAll(/`([a-z-]+)`/g)].map(([, name = '']) => [name, text]),
    )
    const table = Object.fromEntries(rows.filter(([name]) => RULES.includes(name as never))) as Record<string, string>
    expect(table).toEqual(BROKEN_WHEN)
  })
})
