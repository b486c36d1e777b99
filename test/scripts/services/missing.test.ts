import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { findTools } from '../../../scripts/services/kafka.ts'
import { findOrInstall } from '../../../scripts/services/postgres.ts'
import { findGo } from '../../../scripts/services/temporal.ts'
import { plainEnvironment, run } from '../../repo/process.ts'
import { needServices } from '../../services/need.ts'
import { root, setVariables, temporaryFolder } from './lab.ts'

const log = () => undefined

let bin: string

/** A PATH with nothing on it but what the test puts there: no Go, no apt-get. */
beforeEach(() => {
  bin = join(temporaryFolder(), 'bin')
  mkdirSync(bin)
  setVariables({ PATH: bin })
})

function program(name: string, script: string, folder = bin): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

describe('Go', () => {
  test('that is missing is asked for in one line', async () => {
    await expect(findGo(log, [])).rejects.toThrow(
      /^temporal can't be had: there is no go on the PATH\. Install Go 1\.26\.4 or later \(go\.dev\/dl\), or give a running one: FNFLOW_TEST_TEMPORAL=host:port$/,
    )
  })

  test('that is too old to fetch a newer one is not used', async () => {
    program('go', 'echo go1.19.8')
    await expect(findGo(log, [])).rejects.toThrow(/^temporal can't be had: \S+\/bin\/go is go1\.19\.8, older than 1\.21\. Install Go/)
    const other = join(bin, 'other')
    program('go', 'echo go1.21.0', other)
    expect(await findGo(log, [other])).toBe(join(other, 'go'))
  })

  test('is installed only where the package is new enough', async (context) => {
    if (process.getuid?.() !== 0) context.skip('needs root: others install nothing')
    program('apt-get', 'echo "$@" >&2')
    program('apt-cache', 'echo "  Candidate: 2:1.19~1"')
    await expect(findGo(log, [])).rejects.toThrow(/no go on the PATH; apt-get has golang-go 1\.19~1\. Install Go/)
    program('apt-cache', 'echo "  Candidate: 2:1.24~2"')
    await expect(findGo(log, [])).rejects.toThrow(/no go on the PATH; apt-get installed golang-go, but that is no help\. Install Go/)
    program('apt-get', `case "$*" in *install*) printf '#!/bin/sh\\necho go1.24.4\\n' > ${bin}/go; /bin/chmod 755 ${bin}/go;; esac`)
    expect(await findGo(log, [])).toBe(join(bin, 'go'))
  })
})

describe('PostgreSQL', () => {
  test('that is missing is asked for in one line', async () => {
    await expect(findOrInstall(log, '/nowhere')).rejects.toThrow(
      /^postgres can't be had: there is no initdb of PostgreSQL 15 or later in \/nowhere\/\*\/bin or on the PATH\. Install PostgreSQL 15 or later \(Debian: apt-get install postgresql\), or give a running one: FNFLOW_TEST_POSTGRES=postgres:\/\/user@host:port\/database$/,
    )
  })

  test('is the newest of those that are there', async () => {
    const debian = join(bin, 'postgresql')
    for (const [version, folder] of Object.entries({ 9: '9', 15: '15', 17: '17' })) {
      program('initdb', `echo "initdb (PostgreSQL) ${version}.2"`, join(debian, folder, 'bin'))
      program('postgres', '', join(debian, folder, 'bin'))
    }
    expect(await findOrInstall(log, debian)).toBe(join(debian, '17', 'bin'))
    program('initdb', 'echo "initdb (PostgreSQL) 14.9"')
    program('postgres', '')
    await expect(findOrInstall(log, '/nowhere')).rejects.toThrow(/no initdb of PostgreSQL 15 or later/)
  })

  test('that cannot be installed is asked for with the reason', async (context) => {
    if (process.getuid?.() !== 0) context.skip('needs root: others install nothing')
    program('apt-get', 'case "$*" in *install*) echo "E: Unable to locate package postgresql" >&2; exit 100;; esac')
    await expect(findOrInstall(log, '/nowhere')).rejects.toThrow(
      /on the PATH; apt-get install postgresql failed: E: Unable to locate package postgresql\. Install/,
    )
  })
})

describe('Kafka', () => {
  test('whose Java or Maven is missing is asked for in one line', async () => {
    setVariables({ PATH: '/nowhere' })
    await expect(findTools(log, [])).rejects.toThrow(
      /^kafka can't be had: there is no mvn on the PATH; there is no java on the PATH\. Install Java 17 or later and Maven \(Debian: apt-get install maven\), or give a running one: FNFLOW_TEST_KAFKA=host:port$/,
    )
    setVariables({ PATH: bin })
    program('mvn', '')
    program('java', `echo 'openjdk version "11.0.2" 2019-01-15' >&2`)
    await expect(findTools(log, [])).rejects.toThrow(/^kafka can't be had: \S+\/java is Java 11, older than 17\. Install/)
    const other = join(bin, 'other')
    program('java', `echo 'openjdk version "21.0.1" 2023-10-17' >&2`, other)
    expect(await findTools(log, [other])).toEqual({ java: join(other, 'java'), maven: join(bin, 'mvn') })
  })

  test('has its tools installed where they may be', async (context) => {
    if (process.getuid?.() !== 0) context.skip('needs root: others install nothing')
    program(
      'apt-get',
      `case "$*" in *install*) for p in java mvn; do printf '#!/bin/sh\\necho "version \\"17.0.1\\"" >&2\\n' > ${bin}/$p; /bin/chmod 755 ${bin}/$p; done;; esac`,
    )
    expect(await findTools(log, [])).toEqual({ java: join(bin, 'java'), maven: join(bin, 'mvn') })
  })
})

describe('npm test', () => {
  const { postgres } = needServices('postgres')
  const runTests = (env: Record<string, string>) =>
    run(process.execPath, ['scripts/test.ts', 'test/engine/temporal/services.test.ts'], {
      cwd: root,
      env: { ...plainEnvironment(), FNFLOW_TEST_TEMPORAL: '', FNFLOW_TEST_POSTGRES: postgres, CI: '', NO_COLOR: '1', ...env },
      timeoutMs: 120_000,
    })

  test('fails the tests of a service that cannot be had, with that line', async () => {
    program('go', 'if [ "$1" = env ]; then echo go1.30.0; else echo "go: no space left" >&2; exit 1; fi')
    const { code, stdout, stderr } = await runTests({ PATH: bin, XDG_CACHE_HOME: bin })
    expect(code).toBe(1)
    expect(stdout).toMatch(/\n0 passed, 1 failed\n$/)
    expect(stderr).toMatch(/^Error: temporal can't be had: \S+\/go build failed in \S+ \(go: no space left\)\. Install Go .*$/m)
    expect(stderr).not.toMatch(/^ ❯ /m)
  })

  test('skips tests when asked, and says so, but not in continuous integration', async () => {
    const asked = await runTests({ FNFLOW_TEST_SKIP: 'temporal', PATH: bin })
    expect(asked.stdout).toMatch(
      /^skipped: test\/engine\/temporal\/services\.test\.ts > a new namespace .*: needs temporal, and FNFLOW_TEST_SKIP names it$/m,
    )
    expect(asked.stdout).toMatch(/\n0 passed, 0 failed\n$/)
  })
})
