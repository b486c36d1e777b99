import { Suggester } from '../dsl/suggest.ts'
import type { Json } from '../dsl/json.ts'
import type { Plan, PlanNode } from '../dsl/plan.ts'
import type { CallbackInfo, Engine } from '../engine/api.ts'
import { usageError } from './command-error.ts'
import { parseInput } from './input.ts'
import { onStderr } from './output.ts'

/** Answers by node id, from `--callback node=JSON`. Throws CommandError (exit code 2). */
export function parseCallbacks(options: readonly string[]): Map<string, Json> {
  const answers = new Map<string, Json>()
  for (const option of options) {
    const equals = option.indexOf('=')
    if (equals <= 0) throw usageError(`--callback ${option}: write node=JSON, such as --callback approve='{"approved":true}'`)
    const node = option.slice(0, equals)
    if (answers.has(node)) throw usageError(`--callback names the node ${node} twice; every callback of that node gets one answer`)
    answers.set(node, parseInput(option.slice(equals + 1), `the answer of --callback ${node}`))
  }
  return answers
}

/** Throws CommandError (exit code 2) if an answer is for a node that is in none of the flows, or is no callback node. */
export function checkCallbacks(answers: ReadonlyMap<string, Json>, plans: readonly Plan[]): void {
  const types = new Map<string, string>()
  for (const plan of plans) for (const node of allNodes(plan.nodes)) if (types.get(node.id) !== 'callback') types.set(node.id, node.type)
  const known = [...types].filter(([, type]) => type === 'callback').map(([id]) => id)
  for (const node of answers.keys()) {
    const type = types.get(node)
    if (type === 'callback') continue
    if (type !== undefined) throw usageError(`--callback ${node}: that node is a ${type} node, not a callback node`)
    const hint = new Suggester().hint(node, known)
    throw usageError(
      `--callback ${node}: no callback node of that name${hint}${hint === '' && known.length > 0 ? `; there is ${known.join(', ')}` : ''}`,
    )
  }
}

function* allNodes(nodes: Readonly<Record<string, PlanNode>>): Generator<PlanNode> {
  for (const node of Object.values(nodes)) {
    yield node
    if (node.type === 'loop' || node.type === 'service') yield* allNodes(node.nodes)
  }
}

/** What is done when a callback node waits: it is answered, or people are told how to answer it. */
export function callbackHandler(
  answers: ReadonlyMap<string, Json>,
  engine: () => Engine | undefined,
  tell: (text: string) => void,
  stored: boolean,
): (info: CallbackInfo) => void {
  const told = new Set<string>()
  return (info) => {
    const { flow, node, token, url } = info
    // on a cluster the same wait is told by the worker and by the execution's events
    if (told.has(token)) return
    told.add(token)
    const answer = answers.get(node)
    if (answer !== undefined) {
      // not from within: the engine is in the middle of the step that announced it
      setImmediate(() => {
        engine()
          ?.callback(token, { status: 'succeeded', output: answer })
          .catch((error: unknown) => tell(`callback ${node}: ${error instanceof Error ? error.message : String(error)}`))
      })
      return
    }
    const how = stored
      ? `It is answered by a POST to the URL once a server (fnflow serve) has this store; or end this process (kill -9 ${process.pid}) and run the command again with --callback ${node}='JSON'.`
      : `To answer it from here, run the command with --callback ${node}='JSON'.`
    tell(
      [onStderr('yellow', `callback ${node} of ${flow} waits`), `  token  ${token}`, `  url    ${url}`, onStderr('dim', `  ${how}`)].join(
        '\n',
      ),
    )
  }
}
