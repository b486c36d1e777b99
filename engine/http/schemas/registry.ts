import { z } from 'zod'

/**
 * Schemas that are components of the OpenAPI document, by their names there. Not zod's own registry: that one is shared with the whole process, and an
 * application around this API may have an `Execution` of its own. Descriptions and examples are in zod's, by `.meta()`.
 */
export const components = z.registry<{ id: string }>()

/** Makes a schema a component of the OpenAPI document; what uses it refers to it. Throws Error for a name that is taken. */
export function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  if (components._idmap.has(id)) throw new Error(`two schemas are named ${id}`)
  components.add(schema, { id })
  return schema
}
