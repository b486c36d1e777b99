import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Connection } from '@temporalio/client'
import { Client } from 'pg'
import { membersOf, processTable } from '../../../executors/process-tree.ts'

export const root = join(import.meta.dirname, '..', '..', '..')

/** A start may have to wait for much else on the machine. */
export const SLOW = { timeout: 120_000, interval: 50 }

/** A folder that is removed when the test is through. Other users can pass through it: servers have their own. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fnflow-test-'))
  chmodSync(folder, 0o711)
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Sets variables of this process for the time of the test; undefined removes one. */
export function setVariables(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name]
    set(name, value)
    onTestFinished(() => set(name, before))
  }
}

function set(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}

/** The process and all its descendants, zombies left out. */
export function processesOf(pid: number): number[] {
  const table = processTable()!
  return membersOf(pid, table).filter((member) => table.some((process) => process.pid === member))
}

/** Those of the processes that are alive. */
export function alive(pids: readonly number[]): number[] {
  const table = processTable()!
  return pids.filter((pid) => table.some((process) => process.pid === pid))
}

/** Asks PostgreSQL; one connection for one question. */
export async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

/** The names of a Temporal server's namespaces. */
export async function namespaces(address: string): Promise<string[]> {
  return withTemporal(address, async ({ workflowService }) => {
    const { namespaces } = await workflowService.listNamespaces({})
    return namespaces.map(({ namespaceInfo }) => namespaceInfo?.name ?? '')
  })
}

export async function withTemporal<Result>(address: string, use: (connection: Connection) => Promise<Result>): Promise<Result> {
  const connection = await Connection.connect({ address })
  try {
    return await use(connection)
  } finally {
    await connection.close()
  }
}

export interface Running {
  readonly child: ChildProcess
  readonly output: () => string
  readonly messages: () => string
  readonly ended: Promise<number | NodeJS.Signals>
}

/** Starts a script of this repository's in a process of its own; it is killed when the test is through. */
export function startScript(args: readonly string[], env: NodeJS.ProcessEnv): Running {
  const child = spawn(process.execPath, [...args], { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let messages = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (messages += text))
  const ended = new Promise<number | NodeJS.Signals>((resolve) => child.once('close', (code, signal) => resolve(code ?? signal!)))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, output: () => output, messages: () => messages, ended }
}
