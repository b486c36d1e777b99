import { describe, expect, it } from 'vitest'
import { EXIT } from '../../cli/exit-codes.ts'
import { RULES } from '../../dsl/diagnostics.ts'
import { ENGINE_ERRORS, ERROR_TYPE_OF_STATUS, STATUS } from '../../dsl/errors.ts'
import { ENGINE_ERROR_CODES } from '../../engine/errors.ts'
import { rowsUnder } from './documents.ts'

const plain = (text: string | undefined): string => (text ?? '').replaceAll('`', '')

describe('docs/errors.md says what the code does', () => {
  it('statuses and their types', () => {
    const rows = rowsUnder('docs/errors.md', 'What invocations fail with')
    const types = Object.fromEntries(rows.filter(([, type]) => type !== '').map(([status, type]) => [status, plain(type)]))
    expect(types).toEqual(Object.fromEntries(Object.entries(ERROR_TYPE_OF_STATUS)))
    const statuses = rows.map(([status]) => Number(status))
    for (const status of Object.values(STATUS)) expect(statuses).toContain(status)
  })

  it('errors of the engine', () => {
    const rows = rowsUnder('docs/errors.md', 'What the engine fails nodes and flows with')
    expect(Object.fromEntries(rows.map(([type, status]) => [plain(type), Number(status)]))).toEqual(ENGINE_ERRORS)
  })

  it('codes of the library', () => {
    const rows = rowsUnder('docs/errors.md', 'What the library throws')
    expect(Object.fromEntries(rows.map(([code, status]) => [plain(code), Number(status)]))).toEqual(ENGINE_ERROR_CODES)
  })

  it('exit codes', () => {
    const rows = rowsUnder('docs/errors.md', 'Exit codes of the command line')
    expect(rows.map(([code]) => Number(code))).toEqual(Object.values(EXIT))
  })
})

it('docs/language.md has every rule', () => {
  const named = rowsUnder('docs/language.md', 'Rules').flatMap(([rules]) => plain(rules).split(', '))
  expect(named.sort()).toEqual([...RULES].sort())
})
