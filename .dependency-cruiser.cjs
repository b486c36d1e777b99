// Who may import whom: the table of docs/design/architecture.md. test/repo/architecture.test.ts keeps the two alike.

const { IMPORTS, LEAVES } = require('./scripts/import-table.cjs')

/** Modules of others that the pure core must not know: no clock, no network, no SDK. yaml is imported when a text is parsed. */
const PURE_MAY = ['yaml', 'zod']

module.exports = {
  forbidden: [
    ...Object.entries(IMPORTS).map(([folder, allowed]) => ({
      name: `${folder}-imports`,
      comment: `${folder}/ may import ${allowed.length ? allowed.join(', ') : 'nothing of ours'} (docs/design/architecture.md)`,
      severity: 'error',
      from: { path: `^${folder}/` },
      to: {
        path: '^[^/]+(/|$)',
        pathNot: ['(^|/)node_modules/', `^${folder}/`, ...allowed.map((pattern) => `^${pattern}`)],
        dependencyTypesNot: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer'],
      },
    })),
    {
      name: 'nobody-imports-leaves',
      severity: 'error',
      from: { path: `^(${Object.keys(IMPORTS).join('|')})/` },
      to: { path: `^(${LEAVES.join('|')})/` },
    },
    {
      name: 'dsl-is-pure',
      comment: 'the language and its core: no Node modules, no packages but yaml (imported when a text is parsed) and the types of zod',
      severity: 'error',
      from: { path: '^dsl/' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: PURE_MAY.map((name) => `(^|/)node_modules/${name}/`) },
    },
    {
      name: 'workflows-know-temporal-alone',
      comment: "what runs in Temporal's sandbox: its workflow API, and no modules of Node; the driver does not know even that",
      severity: 'error',
      from: { path: '^workflows/' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: '(^|/)node_modules/@temporalio/(common|workflow)/' },
    },
    {
      name: 'driver-is-pure',
      severity: 'error',
      from: { path: '^workflows/(driver|plans|protocol/(?!converter))' },
      to: { dependencyTypes: ['npm'] },
    },
    {
      name: 'client-needs-fetch-alone',
      comment: 'it runs wherever fetch is: no modules of Node, no packages',
      severity: 'error',
      from: { path: '^client/' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'] },
    },
    {
      name: 'zod-is-types-only',
      comment: 'importing zod costs 60-85 ms of the 100 ms of start-up: schemas are thunks that are handed zod by scripts/generate.ts',
      severity: 'error',
      from: { path: '^(dsl|workflows|engine|cli)/', pathNot: '^engine/http/' },
      to: { path: '(^|/)node_modules/zod/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'http-is-loaded-late',
      comment: 'the server loads fastify and zod: it is imported when one is made, and by nothing that starts without',
      severity: 'error',
      from: { path: '^(dsl|workflows|executors|connectors|engine|cli)/', pathNot: '^engine/http/' },
      to: { path: '^engine/http/', dependencyTypesNot: ['dynamic-import', 'type-only'] },
    },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: `^(${Object.keys(IMPORTS).join('|')})/` },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-cycles',
      comment: 'type-only imports set aside',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: ['(^|/)node_modules', '^dist'] },
    exclude: { path: '^dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
}
