import tseslint from 'typescript-eslint'

// Few rules, each against a mistake that has cost somebody a night; formatting is prettier's.
export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.cache/', 'test/**/fixtures/', 'examples/**/functions/', 'test/conformance/', '**/*.cjs'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      // protobuf has null and undefined for the same
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  { files: ['cli/**', 'bench/**', 'scripts/**', 'test/**', 'examples/**'], rules: { 'no-console': 'off' } },
  // Tests throw what hostile functions throw.
  { files: ['test/**'], rules: { '@typescript-eslint/only-throw-error': 'off' } },
)
