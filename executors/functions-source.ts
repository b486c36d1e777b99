/*
 * YAML or JSON text with the places of its parts. Imports the YAML library: to be imported itself only when a file is read.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Node, type Pair } from 'yaml'
import type { DocumentPath, Rule } from '../dsl/diagnostics.ts'

export interface Place {
  readonly line: number
  readonly column: number
}

export interface YamlProblem {
  readonly rule: Rule
  readonly message: string
  readonly place: Place
}

/** Aliases that are looked up at most; what they stand for counts each time. */
const MOST_ALIASES = 100

/** The document of functions.yaml and where in it everything stands. */
export class FunctionsSource {
  /** What is wrong with it as YAML; then there is no content. */
  readonly problems: readonly YamlProblem[]
  readonly content: unknown
  readonly #lines = new LineCounter()
  readonly #root: Node | null
  readonly #aliases = new Map<Node, Node | undefined>()
  /** Members by key, of the mappings that were asked for: looking through them anew for each finding would be quadratic. */
  readonly #members = new WeakMap<Node, Map<string, Pair<Node, Node | null>>>()

  constructor(text: string) {
    // Keys are compared below: the library compares each with each.
    const document = parseDocument<Node>(text, { lineCounter: this.#lines, uniqueKeys: false, version: '1.2' })
    this.#root = document.contents as Node | null
    const problems: YamlProblem[] = document.errors.map((error) => ({
      rule: 'syntax',
      message: wordingOf(error.code, error.message),
      place: this.#placeAt(error.pos[0]),
    }))
    if (problems.some(({ message }) => message === TOO_DEEP))
      problems.splice(
        0,
        Infinity,
        problems.find((one) => one.message === TOO_DEEP)!,
      )
    if (problems.length === 0) {
      visit(document, {
        Alias: (_key, alias) => {
          const target = alias.resolve(document)
          this.#aliases.set(alias, target)
          if (target !== undefined) return
          const message = `unknown anchor ${alias.source}: *${alias.source} needs an &${alias.source} before it`
          problems.push({ rule: 'syntax', message, place: this.#placeAt(alias.range?.[0]) })
        },
        Map: (_key, map) => {
          const seen = new Set<string>()
          for (const { key } of map.items) {
            const name = keyOf(key)
            if (name === undefined) continue
            if (seen.has(name)) {
              const message = `${name} is given twice; leave one out`
              problems.push({ rule: 'duplicate-key', message, place: this.#placeAt((key as Node).range?.[0]) })
            }
            seen.add(name)
          }
        },
      })
    }
    if (problems.length === 0) {
      try {
        this.content = document.toJS({ maxAliasCount: MOST_ALIASES })
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        problems.push({ rule: 'syntax', message, place: this.#placeAt(0) })
      }
    }
    this.problems = problems
  }

  /** Where the value at a path, or its key, begins; of what is not there, its nearest parent. */
  placeOf(path: DocumentPath, at: 'value' | 'key' = 'value'): Place {
    let node = this.#resolved(this.#root)
    let offset = this.#root?.range?.[0]
    for (const [index, part] of path.entries()) {
      const pair = this.#member(node, part)
      if (pair === undefined) break
      const own = at === 'key' && index === path.length - 1 ? undefined : pair.value?.range?.[0]
      offset = own ?? pair.key?.range?.[0] ?? offset
      node = this.#resolved(pair.value)
    }
    return this.#placeAt(offset)
  }

  /** The characters of a scalar as they stand in the text; undefined if there is none at the path. */
  textOf(path: DocumentPath): string | undefined {
    let node = this.#resolved(this.#root)
    for (const part of path) node = this.#resolved(this.#member(node, part)?.value)
    return isScalar(node) ? node.source : undefined
  }

  #member(node: Node | undefined, part: string | number): Pair<Node, Node | null> | undefined {
    if (isSeq(node)) return { key: null, value: node.items[Number(part)] ?? null } as unknown as Pair<Node, Node | null>
    if (!isMap(node)) return undefined
    let members = this.#members.get(node)
    if (members === undefined) {
      members = new Map((node.items as Pair<Node, Node | null>[]).map((pair) => [keyOf(pair.key) ?? '', pair]))
      this.#members.set(node, members)
    }
    return members.get(String(part))
  }

  #resolved(node: Node | null | undefined): Node | undefined {
    return (isAlias(node) ? this.#aliases.get(node) : node) ?? undefined
  }

  #placeAt(offset = 0): Place {
    const { line, col } = this.#lines.linePos(offset)
    // An empty text has no lines.
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
}

const TOO_DEEP = 'is nested too deep'

function wordingOf(code: string, message: string): string {
  if (/call stack/.test(message)) return TOO_DEEP
  if (code === 'MULTIPLE_DOCS') return 'holds more than one document; expected one'
  return message.split('\n')[0]?.replace(/ at line .*$/, '') ?? ''
}

function keyOf(key: unknown): string | undefined {
  return isScalar(key) ? String(key.value) : undefined
}
