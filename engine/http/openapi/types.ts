/** What of an OpenAPI document is touched here. */
export type Data = { [key: string]: unknown }

export interface MediaType {
  schema: Data
  example?: unknown
  examples?: { [name: string]: { value: unknown } }
}

export interface Answer {
  description: string
  headers?: Data
  content?: { [type: string]: MediaType }
}

export interface Operation {
  operationId: string
  summary: string
  parameters?: Data[]
  requestBody?: { content: { [type: string]: MediaType }; required?: boolean }
  responses: { [status: string]: Answer | { $ref: string } }
  security: Data[]
}

export interface OpenApiDocument {
  openapi: string
  info: Data
  servers: Data[]
  paths: { [path: string]: { [method: string]: Operation } }
  components: {
    schemas: { [id: string]: Data }
    responses?: { [id: string]: Answer }
    headers?: { [id: string]: Data }
    securitySchemes: Data
  }
}

/** The operations of a document. */
export function operationsOf(document: OpenApiDocument): Operation[] {
  return Object.values(document.paths).flatMap((path) => Object.values(path))
}
