/** The HTTP API in an application of one's own (docs/embedding.md): `import { fnflowApi } from 'fnflow/http'`. Importing it loads fastify and zod. */
export { fnflowApi, type FnflowApiOptions } from './api.ts'
export type { Authenticate, Caller } from './access.ts'
export type { Role } from '../keys/api-key.ts'
