import { z } from 'zod'
import type { AnswerHeader } from './answers.ts'
import { listOf, pageOf, time, versionName } from './common.ts'
import { diagnostic } from './errors.ts'
import { named } from './registry.ts'

const EXAMPLE = { flow: 'order', start: 'charge', nodes: { charge: { type: 'function', function: 'charge' } } }
const YAML_EXAMPLE = 'flow: order\nstart: charge\nnodes:\n  charge: { type: function, function: charge }\n'

/** Checked by the language itself, with positions: the route gets the text. */
export const flowDefinition = named(
  'FlowDefinition',
  z.unknown().meta({
    type: 'object',
    required: ['flow', 'start', 'nodes'],
    properties: { flow: { type: 'string' }, start: { type: 'string' }, nodes: { type: 'object', additionalProperties: true } },
    additionalProperties: true,
    description: 'A flow, as docs/language.md has it; flow.schema.json of the package has all of it.',
    examples: [EXAMPLE],
  }),
)

const flowText = z.unknown().meta({ type: 'string', description: 'A flow as YAML.', examples: [YAML_EXAMPLE] })
/** Of a type that is not said: some hold a schema of YAML to its text, others to the value that it means. */
const yaml = z.unknown().meta({ description: 'A flow as YAML.', examples: [YAML_EXAMPLE] })

/** A definition as a body: text, whatever it was sent as, so that what is wrong with it has a position. */
export const definitionBody = {
  content: { 'application/json': { schema: flowDefinition }, 'application/yaml': { schema: flowText } },
} as const

/** A definition that is only checked: whatever it is, the answer says so. */
export const checkedBody = {
  content: {
    'application/json': { schema: z.unknown().meta({ description: 'A flow.', examples: [EXAMPLE] }) },
    'application/yaml': { schema: yaml },
  },
} as const

/** The definition as an answer: as JSON, or as YAML where that is preferred. */
export function definitionAnswer(description: string, ...headers: readonly AnswerHeader[]) {
  return { description, headers, content: { ...definitionBody.content, 'application/yaml': { schema: yaml } } } as const
}

const revision = z.string().meta({ description: 'Hash of the definition.' })
const mode = z.enum(['standard', 'express'])
const FLOW = { flow: 'order', version: 'latest', revision: '5f1c1c0a', mode: 'standard', deployedAt: 1782900000000 } as const
const VERSION = { flow: 'order', version: '2', revision: '5f1c1c0a', mode: 'standard', publishedAt: 1782900000000 } as const

export const deployedFlow = named(
  'DeployedFlow',
  z
    .strictObject({ flow: z.string(), version: z.string(), revision, mode, deployedAt: time, warnings: listOf(diagnostic) })
    .meta({ examples: [{ ...FLOW, warnings: [] }] }),
)

export const flowSummary = named(
  'Flow',
  z.strictObject({ flow: z.string(), version: z.string(), revision, mode, deployedAt: time }).meta({ examples: [FLOW] }),
)
export const flowPage = pageOf('FlowPage', flowSummary, FLOW)

const description = z.string().max(1000)
const versionMembers = {
  flow: z.string(),
  version: z.string(),
  revision,
  mode,
  publishedAt: time,
  description: description.optional(),
}
export const flowVersion = named(
  'FlowVersion',
  z.strictObject(versionMembers).meta({ description: 'A version of a flow, which never changes.', examples: [VERSION] }),
)
export const flowVersionPage = pageOf('FlowVersionPage', flowVersion, VERSION)
export const wholeVersion = named(
  'FlowVersionWithDefinition',
  z.strictObject({ ...versionMembers, definition: flowDefinition }).meta({ examples: [{ ...VERSION, definition: EXAMPLE }] }),
)

const ownVersionName = z
  .string()
  .regex(/^(?!latest$|\.{1,2}$)[A-Za-z0-9._-]{1,42}$/)
  .meta({ description: 'Name of a version: 1 to 42 letters, digits, `.`, `_` and `-`, not `latest`.', examples: ['2.0'] })

export const publishBody = z
  .strictObject({
    version: ownVersionName.optional().meta({ description: 'Default: the next number.' }),
    description: description.optional(),
  })
  .meta({ examples: [{ description: 'with discounts' }] })

export const aliasName = z
  .string()
  .regex(/^(?!latest$|\d+$|\.{1,2}$)[A-Za-z0-9._-]{1,63}$/)
  .meta({ description: 'An alias: not `latest`, nor a number, nor the name of a version.', examples: ['prod'] })

const weighted = z.strictObject({ version: ownVersionName, weight: z.int().min(0).max(100) })

/** Two kinds as one object, so that messages are about what was meant; the document says it by `oneOf`. */
export const aliasBody = z
  .strictObject({
    version: ownVersionName.optional(),
    versions: listOf(weighted).optional().meta({ minItems: 2, maxItems: 2, description: 'Two different versions whose weights make 100.' }),
  })
  .refine(({ version, versions }) => (version === undefined) !== (versions === undefined), 'give either version or versions')
  .refine(({ versions }) => versions === undefined || isPair(versions), 'versions are two different ones whose weights make 100')
  .meta({ oneOf: [{ required: ['version'] }, { required: ['versions'] }], examples: [{ version: '2' }] })

function isPair(versions: readonly { readonly version: string; readonly weight: number }[]): boolean {
  const [one, other] = versions
  if (versions.length !== 2 || one === undefined || other === undefined) return false
  return one.weight + other.weight === 100 && one.version !== other.version
}

const ALIAS = { alias: 'prod', version: '2', updatedAt: 1782900000000 }
export const flowAlias = named(
  'FlowAlias',
  z
    .strictObject({
      alias: z.string(),
      version: z.string().optional(),
      versions: listOf(z.strictObject({ version: z.string(), weight: z.int() })).optional(),
      updatedAt: time,
    })
    .meta({ description: 'What an alias leads to: a version, or two by their weights.', examples: [ALIAS] }),
)
export const flowAliasPage = pageOf('FlowAliasPage', flowAlias, ALIAS)

export const definitionQuery = z.strictObject({ version: versionName.optional() })
export const removeQuery = z.strictObject({
  force: z.enum(['true', 'false']).optional().meta({ description: '`true`: although executions run; they end as cancelled.' }),
})

const etags = z.string().min(1).max(2000).optional()
const ifMatch = etags.meta({ description: 'Only a definition that has this ETag.', examples: ['"5f1c1c0a"'] })
// loose: what else there is must stay
export const putHeaders = z.looseObject({
  'if-match': ifMatch,
  'if-none-match': etags.meta({ description: '`*`: only if there is none.', examples: ['*'] }),
})
export const removeHeaders = z.looseObject({ 'if-match': ifMatch })
export const readHeaders = z.looseObject({
  'if-none-match': etags.meta({ description: 'What is known already.', examples: ['"5f1c1c0a"'] }),
})

export const validation = named(
  'Validation',
  z
    .strictObject({ valid: z.boolean(), diagnostics: listOf(diagnostic) })
    .meta({ description: 'What deploying a definition would say.', examples: [{ valid: true, diagnostics: [] }] }),
)
