// Written by scripts/generate.ts from the schemas in dsl/; do not edit.
import type { NodeKind, TriggerKind } from '../plan.ts'
import type { JsonSchema } from '../schema-check.ts'

export const FLOW_SCHEMA: JsonSchema = {
  type: 'object',
  properties: {
    flow: {
      type: 'string',
      pattern: '^[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$',
      expected: 'a name of at most 64 letters, digits, _ and - that begins with a letter and does not end in - or _',
    },
    description: { type: 'string', maxLength: 512, expected: 'a text of at most 512 characters' },
    mode: { type: 'string', enum: ['standard', 'express'] },
    mergeInput: { type: 'boolean' },
    timeout: {
      anyOf: [
        { type: 'number', minimum: 0 },
        { type: 'string', maxLength: 100, pattern: '^(?:[0-9]+(?:\\.[0-9]+)?(?:ms|s|m|h|d))+$' },
      ],
      expected: 'a duration: a number of seconds, or a text such as "90s" or "1h30m"',
    },
    triggers: { type: 'array', maxItems: 10, rule: 'too-many-nodes', expected: 'a list of at most 10 triggers' },
    start: { type: 'string', expected: 'the id of a node' },
    nodes: { type: 'object', expected: 'an object of nodes by id' },
    layout: { type: 'object', additionalProperties: {} },
  },
  required: ['flow', 'start', 'nodes'],
  additionalProperties: false,
}

export const NODE_SCHEMAS: Readonly<Record<NodeKind, JsonSchema>> = {
  function: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'function' },
      function: {
        type: 'string',
        pattern:
          '^(?:[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])?\\/)?[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])?(?::\\$?[A-Za-z0-9._-]{1,63})?$',
        expected: 'a function, [app/]name[:version-or-alias]',
      },
      label: { type: 'string' },
      input: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      output: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      params: { type: 'object', additionalProperties: {}, format: 'params' },
      invoke: { type: 'string', enum: ['sync', 'async'] },
      timeout: {
        anyOf: [
          { type: 'number', minimum: 0 },
          { type: 'string', maxLength: 100, pattern: '^(?:[0-9]+(?:\\.[0-9]+)?(?:ms|s|m|h|d))+$' },
        ],
        expected: 'a duration: a number of seconds, or a text such as "90s" or "1h30m"',
      },
      next: { type: 'string', expected: 'the id of a node' },
      onError: { type: 'string', expected: 'the id of a node' },
    },
    required: ['type', 'function'],
    additionalProperties: false,
  },
  event: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'event' },
      channel: { type: 'string' },
      label: { type: 'string' },
      input: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      output: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      source: { type: 'string' },
      data: { format: 'template' },
      subject: { type: 'string' },
      eventType: { type: 'string' },
      key: { type: 'string', format: 'template', expected: 'a text or a JSONPath such as "$.order.id"' },
      next: { type: 'string', expected: 'the id of a node' },
      onError: { type: 'string', expected: 'the id of a node' },
    },
    required: ['type', 'channel'],
    additionalProperties: false,
  },
  callback: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'callback' },
      function: {
        type: 'string',
        pattern:
          '^(?:[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])?\\/)?[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])?(?::\\$?[A-Za-z0-9._-]{1,63})?$',
        expected: 'a function, [app/]name[:version-or-alias]',
      },
      label: { type: 'string' },
      input: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      output: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      params: { type: 'object', additionalProperties: {}, format: 'params' },
      invoke: { type: 'string', enum: ['sync', 'async'] },
      timeout: {
        anyOf: [
          { type: 'number', minimum: 0 },
          { type: 'string', maxLength: 100, pattern: '^(?:[0-9]+(?:\\.[0-9]+)?(?:ms|s|m|h|d))+$' },
        ],
        expected: 'a duration: a number of seconds, or a text such as "90s" or "1h30m"',
      },
      next: { type: 'string', expected: 'the id of a node' },
      onError: { type: 'string', expected: 'the id of a node' },
    },
    required: ['type', 'function'],
    additionalProperties: false,
  },
  subflow: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'subflow' },
      flow: {
        type: 'string',
        pattern: '^[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?(?::\\$?[A-Za-z0-9._-]{1,63})?$',
        expected: 'a flow, name[:version-or-alias]',
      },
      label: { type: 'string' },
      input: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      output: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      wait: { type: 'boolean' },
      params: { type: 'object', additionalProperties: {}, format: 'params' },
      next: { type: 'string', expected: 'the id of a node' },
      onError: { type: 'string', expected: 'the id of a node' },
    },
    required: ['type', 'flow'],
    additionalProperties: false,
  },
  parallel: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'parallel' },
      branches: {
        minItems: 1,
        maxItems: 20,
        type: 'array',
        items: { type: 'string', expected: 'the id of a node' },
        expected: 'a list of 1 to 20 node ids',
      },
      label: { type: 'string' },
      input: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      output: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      complete: {
        anyOf: [
          { type: 'string', enum: ['all', 'any'] },
          { type: 'integer', minimum: 1, maximum: 9007199254740991, rule: 'complete-count' },
        ],
        expected: '"all", "any" or a whole number',
      },
      resultPath: {
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
        expected: 'a name of letters, digits and _ that does not begin with a digit',
      },
      onError: { type: 'string', expected: 'the id of a node' },
    },
    required: ['type', 'branches'],
    additionalProperties: false,
  },
  condition: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'condition' },
      branches: {
        minItems: 2,
        maxItems: 20,
        type: 'array',
        items: {
          anyOf: [
            {
              type: 'object',
              properties: {
                when: { type: 'string', format: 'expression', expected: 'an expression such as "$.status == \'paid\'"' },
                next: { type: 'string', expected: 'the id of a node' },
              },
              required: ['when', 'next'],
              additionalProperties: false,
            },
            {
              type: 'object',
              properties: { default: { type: 'boolean', const: true }, next: { type: 'string', expected: 'the id of a node' } },
              required: ['default', 'next'],
              additionalProperties: false,
            },
          ],
        },
        expected: 'a list of 2 to 20 branches { when, next }, one of them { default: true, next }',
      },
      label: { type: 'string' },
      input: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      output: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
    },
    required: ['type', 'branches'],
    additionalProperties: false,
  },
  loop: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'loop' },
      items: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      label: { type: 'string' },
      input: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      output: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      as: {
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
        expected: 'a name of letters, digits and _ that does not begin with a digit',
      },
      resultPath: {
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
        expected: 'a name of letters, digits and _ that does not begin with a digit',
      },
      concurrency: { type: 'integer', minimum: 0, maximum: 100, rule: 'loop-concurrency' },
      interval: {
        anyOf: [
          { type: 'number', minimum: 0 },
          { type: 'string', maxLength: 100, pattern: '^(?:[0-9]+(?:\\.[0-9]+)?(?:ms|s|m|h|d))+$' },
        ],
        expected: 'a duration: a number of seconds, or a text such as "90s" or "1h30m"',
      },
      tolerate: { type: 'integer', minimum: 0, maximum: 9007199254740991 },
      start: { type: 'string', expected: 'the id of a node' },
      nodes: { type: 'object' },
      next: { type: 'string', expected: 'the id of a node' },
      onError: { type: 'string', expected: 'the id of a node' },
    },
    required: ['type', 'items', 'nodes'],
    additionalProperties: false,
  },
  service: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'service' },
      label: { type: 'string' },
      input: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      output: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      execution: { type: 'string', enum: ['serial', 'parallel'] },
      start: { type: 'string', expected: 'the id of a node' },
      nodes: { type: 'object' },
      next: { type: 'string', expected: 'the id of a node' },
      onError: { type: 'string', expected: 'the id of a node' },
    },
    required: ['type', 'nodes'],
    additionalProperties: false,
  },
  wait: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'wait' },
      label: { type: 'string' },
      input: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      output: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      seconds: {
        anyOf: [{ type: 'number' }, { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' }],
        expected: 'a number of seconds or a JSONPath to one',
      },
      until: {
        type: 'string',
        format: 'time-or-jsonpath',
        expected: 'an ISO 8601 time such as "2030-01-31T12:00:00Z", or a JSONPath to one',
      },
      next: { type: 'string', expected: 'the id of a node' },
    },
    required: ['type'],
    additionalProperties: false,
  },
  error: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'error' },
      label: { type: 'string' },
      retry: {
        type: 'object',
        properties: {
          when: { type: 'string', format: 'expression', expected: 'an expression such as "$.status == \'paid\'"' },
          interval: {
            anyOf: [
              { type: 'number', minimum: 0 },
              { type: 'string', maxLength: 100, pattern: '^(?:[0-9]+(?:\\.[0-9]+)?(?:ms|s|m|h|d))+$' },
            ],
            expected: 'a duration: a number of seconds, or a text such as "90s" or "1h30m"',
            rule: 'retry-range',
          },
          max: { type: 'integer', minimum: 1, maximum: 8, rule: 'retry-range' },
          backoff: { type: 'number', minimum: 1, maximum: 10 },
        },
        additionalProperties: false,
      },
      catch: {
        maxItems: 10,
        type: 'array',
        items: {
          type: 'object',
          properties: {
            when: { type: 'string', format: 'expression', expected: 'an expression such as "$.status == \'paid\'"' },
            next: { type: 'string', expected: 'the id of a node' },
          },
          required: ['next'],
          additionalProperties: false,
        },
        expected: 'a list of at most 10 branches { when, next }',
      },
    },
    required: ['type'],
    additionalProperties: false,
  },
  pass: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'pass' },
      label: { type: 'string' },
      input: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      output: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
      params: { type: 'object', additionalProperties: {}, format: 'params' },
      next: { type: 'string', expected: 'the id of a node' },
    },
    required: ['type'],
    additionalProperties: false,
  },
  end: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'end' },
      label: { type: 'string' },
      input: { type: 'string', format: 'jsonpath', expected: 'a JSONPath such as "$.order.items"' },
    },
    required: ['type'],
    additionalProperties: false,
  },
}

export const TRIGGER_SCHEMAS: Readonly<Record<TriggerKind, JsonSchema>> = {
  timer: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'timer' },
      name: {
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_-]{0,63}$',
        expected: 'a name of at most 64 letters, digits, _ and - that begins with a letter or _',
      },
      version: { type: 'string', pattern: '^[A-Za-z0-9._$-]{1,63}$', expected: 'the name of a version or an alias' },
      filter: { type: 'string', format: 'expression', expected: 'an expression such as "$.status == \'paid\'"' },
      input: { type: 'object', additionalProperties: {}, format: 'params' },
      maxInFlight: { type: 'integer', minimum: 1, maximum: 100000 },
      cron: { type: 'string' },
      catchUp: {
        anyOf: [
          { type: 'number', minimum: 0 },
          { type: 'string', maxLength: 100, pattern: '^(?:[0-9]+(?:\\.[0-9]+)?(?:ms|s|m|h|d))+$' },
        ],
        expected: 'a duration: a number of seconds, or a text such as "90s" or "1h30m"',
      },
      overlap: { type: 'string', enum: ['queue', 'skip'] },
    },
    required: ['type', 'name', 'input', 'cron'],
    additionalProperties: false,
  },
  kafka: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'kafka' },
      name: {
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_-]{0,63}$',
        expected: 'a name of at most 64 letters, digits, _ and - that begins with a letter or _',
      },
      version: { type: 'string', pattern: '^[A-Za-z0-9._$-]{1,63}$', expected: 'the name of a version or an alias' },
      filter: { type: 'string', format: 'expression', expected: 'an expression such as "$.status == \'paid\'"' },
      input: { type: 'object', additionalProperties: {}, format: 'params' },
      maxInFlight: { type: 'integer', minimum: 1, maximum: 100000 },
      connection: { type: 'string' },
      topics: { minItems: 1, maxItems: 100, type: 'array', items: { type: 'string' }, expected: 'a list of 1 to 100 topics' },
      groupId: { type: 'string' },
      from: { type: 'string', enum: ['latest', 'earliest'] },
      batch: {
        type: 'object',
        properties: {
          size: { type: 'integer', minimum: 1, maximum: 10000 },
          window: {
            anyOf: [
              { type: 'number', minimum: 0 },
              { type: 'string', maxLength: 100, pattern: '^(?:[0-9]+(?:\\.[0-9]+)?(?:ms|s|m|h|d))+$' },
            ],
            expected: 'a duration: a number of seconds, or a text such as "90s" or "1h30m"',
          },
        },
        required: ['size'],
        additionalProperties: false,
        expected: 'an object { size, window }',
      },
      format: { type: 'string', enum: ['auto', 'json', 'text', 'base64'] },
      deadLetter: { type: 'string' },
    },
    required: ['type', 'name', 'connection', 'topics', 'groupId'],
    additionalProperties: false,
  },
  rabbitmq: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'rabbitmq' },
      name: {
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_-]{0,63}$',
        expected: 'a name of at most 64 letters, digits, _ and - that begins with a letter or _',
      },
      version: { type: 'string', pattern: '^[A-Za-z0-9._$-]{1,63}$', expected: 'the name of a version or an alias' },
      filter: { type: 'string', format: 'expression', expected: 'an expression such as "$.status == \'paid\'"' },
      input: { type: 'object', additionalProperties: {}, format: 'params' },
      maxInFlight: { type: 'integer', minimum: 1, maximum: 100000 },
      connection: { type: 'string' },
      vhost: { type: 'string' },
      exchange: { type: 'string' },
      exchangeType: { type: 'string', enum: ['fanout', 'direct', 'topic', 'headers'] },
      routingKey: { type: 'string' },
      bindingArguments: { type: 'object', additionalProperties: {}, expected: 'an object such as { x-match: all, kind: order }' },
      queue: { type: 'string' },
      declare: { type: 'boolean' },
      arguments: { type: 'object', additionalProperties: {}, expected: 'an object' },
      prefetch: { type: 'integer', minimum: 1, maximum: 65535 },
      dedupeWindow: {
        anyOf: [
          { type: 'number', minimum: 0 },
          { type: 'string', maxLength: 100, pattern: '^(?:[0-9]+(?:\\.[0-9]+)?(?:ms|s|m|h|d))+$' },
        ],
        expected: 'a duration: a number of seconds, or a text such as "90s" or "1h30m"',
      },
      batch: {
        type: 'object',
        properties: {
          size: { type: 'integer', minimum: 1, maximum: 10000 },
          window: {
            anyOf: [
              { type: 'number', minimum: 0 },
              { type: 'string', maxLength: 100, pattern: '^(?:[0-9]+(?:\\.[0-9]+)?(?:ms|s|m|h|d))+$' },
            ],
            expected: 'a duration: a number of seconds, or a text such as "90s" or "1h30m"',
          },
        },
        required: ['size'],
        additionalProperties: false,
        expected: 'an object { size, window }',
      },
      format: { type: 'string', enum: ['auto', 'json', 'text', 'base64'] },
      deadLetter: { type: 'string' },
    },
    required: ['type', 'name', 'connection', 'queue'],
    additionalProperties: false,
  },
  http: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'http' },
      name: {
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_-]{0,63}$',
        expected: 'a name of at most 64 letters, digits, _ and - that begins with a letter or _',
      },
      version: { type: 'string', pattern: '^[A-Za-z0-9._$-]{1,63}$', expected: 'the name of a version or an alias' },
      filter: { type: 'string', format: 'expression', expected: 'an expression such as "$.status == \'paid\'"' },
      input: { type: 'object', additionalProperties: {}, format: 'params' },
      maxInFlight: { type: 'integer', minimum: 1, maximum: 100000 },
      path: {
        type: 'string',
        maxLength: 512,
        pattern:
          "^\\/(?:(?:[A-Za-z0-9._~!$&'()*+,;=:@-]+|\\{[A-Za-z_][A-Za-z0-9_]*\\})(?:\\/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]+|\\{[A-Za-z_][A-Za-z0-9_]*\\}))*\\/?)?$",
        expected: 'a path such as "/orders/{id}"',
      },
      method: { type: 'string', enum: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'ANY'] },
      auth: { type: 'string', enum: ['none', 'key', 'jwt'] },
      jwt: {
        type: 'object',
        properties: { issuer: { type: 'string' }, audience: { type: 'string' }, jwksUrl: { type: 'string' } },
        required: ['issuer', 'audience', 'jwksUrl'],
        additionalProperties: false,
        expected: 'an object { issuer, audience, jwksUrl }',
      },
      mode: { type: 'string', enum: ['async', 'sync'] },
      timeout: {
        anyOf: [
          { type: 'number', minimum: 0 },
          { type: 'string', maxLength: 100, pattern: '^(?:[0-9]+(?:\\.[0-9]+)?(?:ms|s|m|h|d))+$' },
        ],
        expected: 'a duration: a number of seconds, or a text such as "90s" or "1h30m"',
      },
      format: { type: 'string', enum: ['auto', 'json', 'text', 'base64'] },
    },
    required: ['type', 'name', 'path'],
    additionalProperties: false,
  },
  topic: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'topic' },
      name: {
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_-]{0,63}$',
        expected: 'a name of at most 64 letters, digits, _ and - that begins with a letter or _',
      },
      version: { type: 'string', pattern: '^[A-Za-z0-9._$-]{1,63}$', expected: 'the name of a version or an alias' },
      filter: { type: 'string', format: 'expression', expected: 'an expression such as "$.status == \'paid\'"' },
      input: { type: 'object', additionalProperties: {}, format: 'params' },
      maxInFlight: { type: 'integer', minimum: 1, maximum: 100000 },
      topic: {
        type: 'string',
        pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$',
        expected: 'a name of at most 255 letters, digits, _ . and - that begins with a letter or digit',
      },
      deadLetter: { type: 'string' },
    },
    required: ['type', 'name', 'topic'],
    additionalProperties: false,
  },
  custom: {
    type: 'object',
    properties: {
      type: { type: 'string', const: 'custom' },
      name: {
        type: 'string',
        pattern: '^[A-Za-z_][A-Za-z0-9_-]{0,63}$',
        expected: 'a name of at most 64 letters, digits, _ and - that begins with a letter or _',
      },
      version: { type: 'string', pattern: '^[A-Za-z0-9._$-]{1,63}$', expected: 'the name of a version or an alias' },
      filter: { type: 'string', format: 'expression', expected: 'an expression such as "$.status == \'paid\'"' },
      input: { type: 'object', additionalProperties: {}, format: 'params' },
      maxInFlight: { type: 'integer', minimum: 1, maximum: 100000 },
      kind: { type: 'string' },
      options: { type: 'object', additionalProperties: {}, expected: 'an object' },
      deadLetter: { type: 'string' },
    },
    required: ['type', 'name', 'kind'],
    additionalProperties: false,
  },
}
