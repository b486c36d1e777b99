import type { z } from 'zod'
import { DURATION_MAX_LENGTH, DURATION_PATTERN } from '../duration.ts'

/**
 * Building blocks of the node schemas. Zod is never loaded at run time (it would cost most of the start-up budget):
 * `scripts/generate.ts` calls these with it, and `dsl/schema-check.ts` reads what comes out. Beside JSON Schema's own
 * keywords three notes are used there: `expected` (how messages name the value), `rule` (reported when a number or a
 * length is out of range, where that is not `schema`) and `format` (what `dsl/formats.ts` checks).
 */
export type Z = typeof z

export const NODE_ID_PATTERN = '^[A-Za-z_][A-Za-z0-9_-]{0,63}$'
export const FLOW_NAME_PATTERN = '^[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$'
const FUNCTION_NAME = '[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])?'
const QUALIFIER = '\\$?[A-Za-z0-9._-]{1,63}'
export const FUNCTION_REF_PATTERN = `^(?:${FUNCTION_NAME}/)?${FUNCTION_NAME}(?::${QUALIFIER})?$`
export const FLOW_REF_PATTERN = `^[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?(?::${QUALIFIER})?$`
const RESULT_NAME_PATTERN = '^[A-Za-z_][A-Za-z0-9_]*$'

export const text = (z: Z, description: string) => z.string().meta({ description })

/** Id of a node of the same graph. */
export const nodeRef = (z: Z, description: string) => z.string().meta({ description, expected: 'the id of a node' })

export const jsonPath = (z: Z, description: string) =>
  z.string().meta({ description, format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' })

export const expression = (z: Z, description: string) =>
  z.string().meta({ description, format: 'expression', expected: `an expression such as "$.status == 'paid'"` })

export const duration = (z: Z, description: string) =>
  z
    .union([z.number().min(0), z.string().regex(new RegExp(DURATION_PATTERN)).max(DURATION_MAX_LENGTH)])
    .meta({ description, expected: 'a duration: a number of seconds, or a text such as "90s" or "1h30m"' })

export const params = (z: Z, description = 'The body: constants, JSONPaths, { path, default }, { literal }.') =>
  z.record(z.string(), z.unknown()).meta({ description, format: 'params' })

export const resultName = (z: Z, description: string, byDefault: string) =>
  z
    .string()
    .regex(new RegExp(RESULT_NAME_PATTERN))
    .meta({ description, default: byDefault, expected: 'a name of letters, digits and _ that does not begin with a digit' })

const functionRef = (z: Z) =>
  z
    .string()
    .regex(new RegExp(FUNCTION_REF_PATTERN))
    .meta({ description: 'The function: [app/]name[:version-or-alias].', expected: 'a function, [app/]name[:version-or-alias]' })

export const flowRef = (z: Z) =>
  z
    .string()
    .regex(new RegExp(FLOW_REF_PATTERN))
    .meta({ description: 'The flow: name[:version-or-alias].', expected: 'a flow, name[:version-or-alias]' })

const invoke = (z: Z) =>
  z.enum(['sync', 'async']).meta({ description: 'sync: at most 15 minutes. async: as long as the function may run.', default: 'sync' })

export const label = (z: Z) => ({ label: text(z, 'Shown to people; the id by default.').optional() })
export const inputFilter = (z: Z) => ({ input: jsonPath(z, 'Filter on what arrives at the node.').optional() })
export const outputFilter = (z: Z) => ({ output: jsonPath(z, 'Filter on what the node produced.').optional() })
export const next = (z: Z) => ({ next: nodeRef(z, 'The node that follows; without one the path ends here.').optional() })
export const onError = (z: Z) => ({ onError: nodeRef(z, 'The error node that works on the result.').optional() })

/** What most kinds have. */
export const common = (z: Z) => ({ ...label(z), ...inputFilter(z), ...outputFilter(z) })

/** What kinds that invoke a function have. */
export const invocation = (z: Z) => ({
  function: functionRef(z),
  ...common(z),
  params: params(z).optional(),
  invoke: invoke(z).optional(),
})
