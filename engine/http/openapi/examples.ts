import { z } from 'zod'
import { components } from '../schemas/registry.ts'
import { operationsOf, type Answer, type Data, type MediaType, type OpenApiDocument } from './types.ts'

const PLACE = '#/components/schemas/'

/** Gives bodies and answers the examples of the schema that they refer to: many tools look there only. */
export function addExamples(document: OpenApiDocument): void {
  const { schemas } = document.components
  const add = (media: MediaType): void => {
    if (media.example !== undefined || media.examples !== undefined) return
    const found = examplesOf(media.schema, schemas)
    if (found.length > 0) media.examples = Object.fromEntries(found.map((value, index) => [`example${index + 1}`, { value }]))
  }
  for (const { requestBody, responses } of operationsOf(document)) {
    for (const media of Object.values(requestBody?.content ?? {})) add(media)
    for (const answer of Object.values(responses)) for (const media of Object.values((answer as Answer).content ?? {})) add(media)
  }
}

function examplesOf(schema: Data, schemas: { readonly [id: string]: Data }): readonly unknown[] {
  const { examples, $ref } = schema
  if (Array.isArray(examples)) return examples
  if (typeof $ref !== 'string') return []
  const id = $ref.slice(PLACE.length)
  const found = examplesOf(schemas[id] ?? {}, schemas)
  return found.length > 0 ? found : givenExamplesOf(id)
}

/** The library leaves out those of schemas that transform what they take. */
function givenExamplesOf(id: string): readonly unknown[] {
  const schema = components._idmap.get(id)
  const examples = schema === undefined ? undefined : z.globalRegistry.get(schema)?.examples
  return Array.isArray(examples) ? examples : []
}
