import { execFile } from 'node:child_process'
import { delimiter, join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..')

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** The PATH without this package's own node_modules, as users have it. */
export const outerPath = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !folder.startsWith(root))
  .join(delimiter)

/** The environment without what npm tells the scripts that it runs: it would steer an npm that runs elsewhere. */
export function plainEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_(registry|userconfig|cache|cafile|https?_proxy|noproxy)$)|NODE_OPTIONS$|VITEST|INIT_CWD$)/i.test(name),
  )
  return { ...Object.fromEntries(kept), ...more }
}

export function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv; readonly timeoutMs?: number },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      {
        cwd: options.cwd,
        env: options.env ?? plainEnvironment(),
        encoding: 'utf8',
        timeout: options.timeoutMs ?? 60_000,
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') reject(new Error(`${command} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`))
        else resolve({ code: child.exitCode ?? 0, stdout, stderr })
      },
    )
  })
}
