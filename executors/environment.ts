import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { FunctionSpec } from './contract.ts'
import { cpuOf } from './names.ts'

/** Variables of the machine that processes of functions inherit; everything else of the engine's environment stays with it. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TMPDIR', 'TZ', 'SystemRoot', 'TEMP', 'TMP', 'PATHEXT']

/**
 * The environment of a function's process (functions.md, 2): the machine's PATH, HOME and LANG, both clouds' variables,
 * then the function's own variables and secrets.
 *
 * @param folder the code folder
 * @param runtimeRoot the folder of the runtime's shim
 */
export function processEnvironment(
  spec: FunctionSpec,
  folder: string,
  runtimeRoot: string,
  machine: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const env: Record<string, string> = {}
  for (const name of INHERITED) {
    const value = machine[name]
    if (value !== undefined) env[name] = value
  }
  const own = { ...spec.environment.variables, ...spec.environment.secrets }
  Object.assign(
    env,
    {
      // FunctionGraph, tables 2-4 and 4-7.
      RUNTIME_PROJECT_ID: '',
      RUNTIME_FUNC_NAME: spec.name,
      RUNTIME_FUNC_VERSION: 'latest',
      RUNTIME_PACKAGE: spec.app,
      RUNTIME_HANDLER: spec.handler,
      RUNTIME_TIMEOUT: spec.timeoutMs === undefined ? '' : String(Math.ceil(spec.timeoutMs / 1000)),
      RUNTIME_USERDATA: JSON.stringify(own),
      RUNTIME_CPU: String(cpuOf(spec.memoryMb)),
      RUNTIME_MEMORY: String(spec.memoryMb),
      RUNTIME_MAX_RESP_BODY_SIZE: '6291456',
      RUNTIME_INITIALIZER_HANDLER: spec.initializer ?? '',
      RUNTIME_INITIALIZER_TIMEOUT: String(Math.ceil(spec.initializerTimeoutMs / 1000)),
      RUNTIME_ROOT: runtimeRoot,
      RUNTIME_CODE_ROOT: folder,
      RUNTIME_LOG_DIR: tmpdir(),
      // SCF.
      SCF_RUNTIME: spec.runtime,
      SCF_FUNCTIONNAME: spec.name,
      SCF_FUNCTIONVERSION: '$LATEST',
      SCF_NAMESPACE: spec.app,
      TENCENTCLOUD_RUNTIME: 'SCF',
      TENCENTCLOUD_RUNENV: 'SCF',
      TENCENTCLOUD_REGION: '',
      TENCENTCLOUD_APPID: '',
      TENCENTCLOUD_UIN: '',
      TENCENTCLOUD_TZ: 'UTC',
      TENCENTCLOUD_SECRETID: '',
      TENCENTCLOUD_SECRETKEY: '',
      TENCENTCLOUD_SESSION_TOKEN: '',
      TENCENTCLOUD_SESSIONTOKEN: '',
      _SCF_SERVER_PORT: '28902',
      USER_CODE_ROOT: folder,
      PYTHONDONTWRITEBYTECODE: 'x',
    },
    own,
  )
  env['PYTHONPATH'] = joinPaths(folder, own['PYTHONPATH'])
  env['NODE_PATH'] = joinPaths(folder, join(folder, 'node_modules'), own['NODE_PATH'])
  return env
}

function joinPaths(...paths: (string | undefined)[]): string {
  return paths.filter((path) => path !== undefined && path !== '').join(delimiter)
}
