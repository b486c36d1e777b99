import { z } from 'zod'
import { listOf } from './common.ts'
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

/** A definition as a body: text, whatever it was sent as, so that what is wrong with it has a position. */
export const definitionBody = {
  content: { 'application/json': { schema: flowDefinition }, 'application/yaml': { schema: flowText } },
} as const

/** A definition that is only checked: whatever it is, the answer says so. */
export const checkedBody = {
  content: {
    'application/json': { schema: z.unknown().meta({ description: 'A flow.', examples: [EXAMPLE] }) },
    'application/yaml': { schema: flowText },
  },
} as const

export const deployedFlow = named(
  'DeployedFlow',
  z
    .strictObject({
      flow: z.string(),
      version: z.string(),
      revision: z.string().meta({ description: 'Hash of the definition.' }),
      warnings: listOf(diagnostic),
    })
    .meta({ examples: [{ flow: 'order', version: 'latest', revision: '5f1c1c0a', warnings: [] }] }),
)

export const validation = named(
  'Validation',
  z
    .strictObject({ valid: z.boolean(), diagnostics: listOf(diagnostic) })
    .meta({ description: 'What deploying a definition would say.', examples: [{ valid: true, diagnostics: [] }] }),
)
