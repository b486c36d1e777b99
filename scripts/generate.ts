/**
 * Writes what is derived from the zod schemas. `--check` writes nothing and fails if a file on disk differs.
 *
 * - `ui-schema/flow.schema.json`: JSON Schema of a flow file, for editors.
 * - `dsl/generated/flow-schema.ts`: the same as data for the checker, so that zod is not loaded at run time.
 * - `client/generated/`: types and operations of the client, from the OpenAPI document.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { format } from 'prettier'
import { z } from 'zod'
import type { Z } from '../dsl/nodes/fields.ts'
import { NODES } from '../dsl/nodes/index.ts'
import { flowSchema } from '../dsl/schema.ts'
import { clientFiles } from './client-types.ts'
import { TRIGGERS } from '../dsl/triggers/index.ts'

type Data = { [key: string]: unknown }

/** Notes for our checker and its messages; a general validator knows nothing of them. */
const OUR_NOTES = ['expected', 'rule', 'graph']
/** What the checker has no use for. */
const FOR_EDITORS = ['$schema', 'description', 'title', 'default', 'propertyNames']

const style = { semi: false, singleQuote: true, printWidth: 140, trailingComma: 'all' } as const

function without(value: unknown, dropped: readonly string[], graphs: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => without(item, dropped, graphs))
  if (typeof value !== 'object' || value === null) return value
  if (!graphs && (value as Data)['graph'] === true) {
    // Nodes and triggers are checked one by one, so that each problem is reported with its own.
    const { type, maxItems, rule, expected } = value as Data
    return Object.fromEntries(Object.entries({ type, maxItems, rule, expected }).filter(([, kept]) => kept !== undefined))
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, member]) => !dropped.includes(key) || (typeof member === 'object' && key !== 'propertyNames'))
      .map(([key, member]) => [key, without(member, dropped, graphs)]),
  )
}

function schemasOf(kinds: Readonly<Record<string, { schema(z: Z): z.ZodType }>>): unknown {
  return Object.fromEntries(
    Object.entries(kinds).map(([kind, { schema }]) => [kind, without(z.toJSONSchema(schema(z)), FOR_EDITORS, false)]),
  )
}

const flow = z.toJSONSchema(flowSchema(z))
const nodeKinds = schemasOf(NODES)
const triggerKinds = schemasOf(TRIGGERS)

const files: Record<string, string> = {
  'ui-schema/flow.schema.json': await format(JSON.stringify(without(flow, OUR_NOTES, true)), { ...style, parser: 'json' }),
  'dsl/generated/flow-schema.ts': await format(
    `// Written by scripts/generate.ts from the schemas in dsl/; do not edit.
import type { NodeKind, TriggerKind } from '../plan.ts'
import type { JsonSchema } from '../schema-check.ts'

export const FLOW_SCHEMA: JsonSchema = ${JSON.stringify(without(flow, FOR_EDITORS, false))}

export const NODE_SCHEMAS: Readonly<Record<NodeKind, JsonSchema>> = ${JSON.stringify(nodeKinds)}

export const TRIGGER_SCHEMAS: Readonly<Record<TriggerKind, JsonSchema>> = ${JSON.stringify(triggerKinds)}
`,
    { ...style, parser: 'typescript' },
  ),
}

for (const [name, text] of Object.entries(await clientFiles())) files[name] = await format(text, { ...style, parser: 'typescript' })

const check = process.argv.includes('--check')
let stale = false
for (const [name, text] of Object.entries(files)) {
  const url = new URL(`../${name}`, import.meta.url)
  const before = await readFile(url, 'utf8').catch(() => undefined)
  if (before === text) continue
  if (check) {
    stale = true
    console.error(`${name} is out of date; run: node scripts/generate.ts`)
  } else {
    await writeFile(url, text)
    console.log(`wrote ${name}`)
  }
}
if (stale) process.exitCode = 1
