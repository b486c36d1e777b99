// Who may import whom, as patterns: read by .dependency-cruiser.cjs, compared with docs/design/architecture.md by a test.

/** What connectors and executors may have of the language: types, errors, the JSON helpers that those need, and schedules. */
const LANGUAGE_TYPES =
  'dsl/(cron/[a-z-]+|cloud-event|huge-number|json|json-copy|json-equal|errors|diagnostics|plan|duration|suggest|function-ref)\\.ts'

/** Folder -> patterns of the paths in this repository that it may import, beside itself. */
const IMPORTS = {
  dsl: [],
  workflows: ['dsl/(?!parse)'],
  executors: [LANGUAGE_TYPES],
  connectors: [LANGUAGE_TYPES],
  engine: ['dsl/', 'executors/', 'connectors/', 'workflows/(driver|protocol/.*)\\.ts'],
  'ui-schema': [],
  console: ['ui-schema/'],
  client: [],
  cli: ['engine/', 'client/', 'dsl/'],
}

/** Folders that may import anything and that nobody imports. */
const LEAVES = ['examples', 'bench', 'docs', 'test', 'scripts']

module.exports = { IMPORTS, LEAVES }
