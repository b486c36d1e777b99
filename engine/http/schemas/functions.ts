import { z } from 'zod'
import { listOf, pageOf } from './common.ts'
import { named } from './registry.ts'

export const appName = z
  .string()
  .min(1)
  .max(60)
  .meta({ description: 'The app that the function is of.', examples: ['default'] })
export const functionName = z
  .string()
  .min(1)
  .max(130)
  .meta({ description: 'Name of a function; of an invocation also `name:version`.', examples: ['charge'] })

/** `index.py` with a handler. */
const CODE_EXAMPLE =
  'UEsDBBQAAAAAAAAAIVz4+CafTAAAAEwAAAAIAAAAaW5kZXgucHlkZWYgaGFuZGxlcihldmVudCwgY29udGV4dCk6CiAgICByZXR1cm4geyJ0ZXh0IjogIkhlbGxvLCAiIC' +
  'sgZXZlbnRbIm5hbWUiXX0KUEsBAhQDFAAAAAAAAAAhXPj4Jp9MAAAATAAAAAgAAAAAAAAAAAAAAKSBAAAAAGluZGV4LnB5UEsFBgAAAAABAAEANgAAAHIAAAAAAA=='

const EXAMPLE = {
  app: 'default',
  name: 'charge',
  runtime: 'python',
  handler: 'index.handler',
  initializerTimeout: 30,
  timeout: 3,
  memory: 128,
  environment: { variables: { MODE: 'prod' }, secrets: ['API_KEY'] },
  concurrency: { perInstance: 1, maxInstances: 400, reserved: 0, idleTimeout: 60 },
}

export const functionDocument = named(
  'Function',
  z
    .strictObject({
      app: z.string(),
      name: z.string(),
      runtime: z.string(),
      handler: z.string(),
      initializer: z.string().optional(),
      initializerTimeout: z.number().meta({ description: 'Seconds.' }),
      timeout: z.number().optional().meta({ description: 'Seconds; absent: none of its own.' }),
      memory: z.number().meta({ description: 'MB.' }),
      environment: z.strictObject({
        variables: z.record(z.string(), z.string()),
        secrets: listOf(z.string()).meta({ description: 'Their names; the values stay in the server.' }),
      }),
      concurrency: z.strictObject({
        perInstance: z.int(),
        maxInstances: z.int(),
        reserved: z.int(),
        idleTimeout: z.number().meta({ description: 'Seconds.' }),
      }),
      pool: z.string().optional(),
      gpu: z.strictObject({ type: z.string(), memory: z.number().meta({ description: 'GiB.' }) }).optional(),
      codeHash: z.string().optional().meta({ description: 'SHA-256 of the zip that it was put with.' }),
    })
    .meta({ description: 'A function, as functions.yaml has it, without code and secrets.', examples: [EXAMPLE] }),
)

/** Checked by the schema of functions.yaml, which has a diagnostic for everything. */
export const functionDefinition = named(
  'FunctionDefinition',
  z.unknown().meta({
    type: 'object',
    required: ['runtime'],
    properties: {
      app: { type: 'string', description: 'Default: default, or that of the path.' },
      name: { type: 'string', description: 'In a PUT it may be left out.' },
      runtime: { type: 'string', description: 'python or nodejs, or one of the engine’s own executors.' },
      handler: { type: 'string', description: 'file.function' },
      code: { type: 'string', format: 'byte', description: 'A zip, as base64; 50 MiB at most.' },
    },
    additionalProperties: true,
    description: 'A function as functions.yaml has it (docs/functions.md), with its name and app, and its code as a zip.',
    examples: [
      {
        name: 'greet',
        runtime: 'python',
        handler: 'index.handler',
        timeout: 5,
        environment: { variables: { MODE: 'prod' }, secrets: { API_KEY: { from: 'env', name: 'API_KEY' } } },
        code: CODE_EXAMPLE,
      },
    ],
  }),
)

export const functionPage = pageOf('FunctionPage', functionDocument, EXAMPLE)

export const invocationBody = named(
  'InvocationBody',
  z.unknown().meta({ description: 'What the function gets: any JSON value; without a body {}.', examples: [{ amount: 10 }] }),
)

export const invocationResult = named(
  'InvocationResult',
  z.unknown().meta({ description: 'What the function has returned: any JSON value.', examples: [{ charged: true }] }),
)

export const invocationHeaders = z.object({
  'x-invoke-type': z.enum(['sync', 'async']).optional().meta({ description: 'sync (default): answers with the result.' }),
  'x-log-type': z
    .enum(['tail', 'none'])
    .optional()
    .meta({ description: 'tail: the last 4 KiB of the log come in X-Function-Log, as base64.' }),
})
