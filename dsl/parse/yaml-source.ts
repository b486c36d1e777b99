import type { Alias, Composer, Document, Node, Pair, Range, Scalar, YAMLMap, YAMLSeq } from 'yaml'
import { setMember, type Json, type JsonObject } from '../json.ts'
import { duplicateKey, TOO_DEEP, Unreadable, type TextFinding } from './findings.ts'
import { MAX_ALIASED, MAX_DEPTH, MAX_DUPLICATES, MAX_SYNTAX_ERRORS } from './limits.ts'
import type { Place } from './places.ts'

type Yaml = typeof import('yaml')

export interface YamlSource {
  readonly value: unknown
  readonly root: Place
  readonly findings: readonly TextFinding[]
}

/**
 * Reads one YAML 1.2 document: plain data, positions, and what is wrong with it.
 *
 * The library is driven token by token, for three reasons: its composer recurses, so the depth is checked before it
 * sees anything; it goes on after any number of errors, each of which costs time; and its check of unique keys, its
 * resolving of aliases and its conversion to plain data are quadratic or worse on hostile documents, so they are ours.
 */
export async function readYaml(text: string): Promise<YamlSource> {
  const yaml = await import('yaml')
  const errors = new ErrorList()
  try {
    const document = composeOne(yaml, text, errors)
    if (errors.findings.length > 0 || document === undefined) return { value: undefined, root: EMPTY, findings: errors.findings }
    const reader = new Reader(yaml)
    const { value, place } = reader.root(document.contents as Node)
    return { value, root: place, findings: reader.findings }
  } catch (error) {
    if (error instanceof Unreadable) errors.add(error.message, error.offset)
    else if (error !== ENOUGH) throw error
    return { value: undefined, root: EMPTY, findings: errors.findings }
  }
}

const EMPTY: Place = { value: 0, key: 0 }
const ENOUGH = new Error('more errors than are worth reporting')

class ErrorList {
  readonly findings: TextFinding[] = []

  add(message: string, offset: number): void {
    this.findings.push({ rule: 'syntax', message, path: [], offset })
  }

  /** As `add`, and gives up on the document when there are enough. */
  addSome(message: string, offset: number): void {
    // The composer catches what is thrown here now and then, and reports it: hence the check before adding.
    if (this.findings.length < MAX_SYNTAX_ERRORS) this.add(message, offset)
    if (this.findings.length >= MAX_SYNTAX_ERRORS) throw ENOUGH
  }
}

/** Unknown directives passed over without a word. */
const MAX_IGNORED = 100

/** What the composer calls for each error and warning inside a document. */
type ComposerReport = (
  source: number | Range | [number, number] | { offset: number },
  code: string,
  message: string,
  warning?: boolean,
) => void

function composeOne(yaml: Yaml, text: string, errors: ErrorList): Document.Parsed | undefined {
  const composer = new yaml.Composer({ schema: 'core', merge: false, uniqueKeys: false, prettyErrors: false, logLevel: 'silent' })
  let ignored = 0
  const report: ComposerReport = (source, code, message, warning) => {
    // YAML 1.2 lets unknown directives pass. Thousands of them are an attack, and slow.
    if (warning === true && code !== 'TAG_RESOLVE_FAILED' && ++ignored < MAX_IGNORED) return
    const offset = typeof source === 'number' ? source : Array.isArray(source) ? source[0] : source.offset
    errors.addSome(code === 'TAG_RESOLVE_FAILED' ? `${firstLine(message)}; remove the tag` : firstLine(message), offset)
  }
  // The composer's own list would grow with every error of a document before anybody could look at it.
  ;(composer as unknown as { onError: ComposerReport }).onError = report

  let document: Document.Parsed | undefined
  const take = (composed: Iterable<ReturnType<Composer['compose']> extends Iterable<infer D> ? D : never>): void => {
    for (const each of composed) {
      if (document !== undefined)
        throw new Unreadable('more than one document; a file holds one flow, so remove the line "---"', each.range[0])
      for (const error of each.errors) errors.addSome(firstLine(error.message), error.pos[0])
      document = each as Document.Parsed
    }
  }
  const tokens = new CheckedTokens(yaml, text)
  for (const token of tokens.read()) {
    if (token.type === 'error') errors.addSome(firstLine(token.message), token.offset)
    else if (token.type === 'document' && tokens.documents++ > 0) throw secondDocument(token.offset)
    else take(composer.next(token))
  }
  take(composer.end())
  if (document === undefined || isEmpty(document)) {
    if (errors.findings.length === 0) errors.add('the document is empty; a flow begins with "flow: <name>"', 0)
    return undefined
  }
  return document
}

function secondDocument(offset: number): Unreadable {
  return new Unreadable('more than one document; a file holds one flow, so remove what begins at this "---"', offset)
}

function isEmpty(document: Document.Parsed): boolean {
  const contents = document.contents as Scalar | null
  return contents === null || (contents.value === null && contents.source === '')
}

/** Errors of the library carry excerpts on further lines; tokens quoted in them can be a megabyte long. */
function firstLine(message: string): string {
  const line = message.slice(0, 300).split('\n', 1)[0]!
  return line.length < 200 ? line : `${line.slice(0, 200)}...`
}

/** The tokens of a text, refused as soon as they nest too deep. */
class CheckedTokens {
  documents = 0
  readonly #yaml: Yaml
  readonly #text: string

  constructor(yaml: Yaml, text: string) {
    this.#yaml = yaml
    this.#text = text
  }

  *read() {
    const parser = new this.#yaml.Parser()
    for (const lexeme of new this.#yaml.Lexer().lex(this.#text)) {
      yield* parser.next(lexeme)
      // The stack holds the document, the collections and the scalar at hand; the exact depth is checked by the reader.
      if (parser.stack.length > MAX_DEPTH + 3) throw new Unreadable(TOO_DEEP, parser.offset)
    }
    yield* parser.end()
  }
}

/** A value read, with what an alias of it would add. */
interface Read {
  readonly value: Json
  readonly place: Place
  /** Values in it, itself included, aliases expanded. */
  readonly size: number
  /** Levels of collections in it. */
  readonly height: number
}

/** Nodes to plain data, each once: an alias shares the value of its anchor, so bombs stay small. */
class Reader {
  readonly findings: TextFinding[] = []
  readonly #yaml: Yaml
  readonly #path: (string | number)[] = []
  /** By anchor name; `undefined` while the anchored value is being read. */
  readonly #anchors = new Map<string, Read | undefined>()
  #aliased = 0

  constructor(yaml: Yaml) {
    this.#yaml = yaml
  }

  root(node: Node): Read {
    return this.#read(node, offsetOf(node, 0), 1)
  }

  #read(node: Node, key: number, depth: number): Read {
    const { isAlias, isMap, isSeq } = this.#yaml
    if (isAlias(node)) return this.#alias(node, key, depth)
    const { anchor } = node as { anchor?: string }
    if (anchor !== undefined) this.#anchors.set(anchor, undefined)
    const read = isMap(node) ? this.#map(node, key, depth) : isSeq(node) ? this.#list(node, key, depth) : scalar(node as Scalar, key)
    if (anchor !== undefined) this.#anchors.set(anchor, read)
    return read
  }

  #alias(node: Alias, key: number, depth: number): Read {
    const at = offsetOf(node, key)
    const target = this.#anchors.get(node.source)
    if (target === undefined) {
      const why = this.#anchors.has(node.source) ? 'stands inside the value that it names' : 'has no anchor before it'
      throw new Unreadable(`the alias *${firstLine(node.source)} ${why}; write the value out`, at)
    }
    this.#aliased += target.size
    if (this.#aliased > MAX_ALIASED) throw new Unreadable('the aliases expand to more than 100,000 values; write fewer of them', at)
    if (target.height > 0 && depth + target.height - 1 > MAX_DEPTH) throw new Unreadable(TOO_DEEP, at)
    const { children } = target.place
    return { ...target, place: children === undefined ? { value: at, key } : { value: at, key, children } }
  }

  #map(node: YAMLMap, key: number, depth: number): Read {
    const at = offsetOf(node, key)
    if (depth > MAX_DEPTH) throw new Unreadable(TOO_DEEP, at)
    const value: JsonObject = {}
    const children = new Map<string, Place>()
    let size = 1
    let height = 0
    for (const pair of node.items as Pair<Node | null, Node | null>[]) {
      const keyAt = pair.key === null ? at : offsetOf(pair.key, at)
      const name = this.#key(pair.key, keyAt)
      if (children.has(name) && this.findings.length < MAX_DUPLICATES) this.findings.push(duplicateKey(this.#path, name, keyAt))
      this.#path.push(name)
      const member = pair.value === null ? nothing(keyAt) : this.#read(pair.value, keyAt, depth + 1)
      this.#path.pop()
      setMember(value, name, member.value)
      children.set(name, member.place)
      size += member.size
      height = Math.max(height, member.height)
    }
    return { value, place: { value: at, key, children }, size, height: height + 1 }
  }

  #list(node: YAMLSeq, key: number, depth: number): Read {
    const at = offsetOf(node, key)
    if (depth > MAX_DEPTH) throw new Unreadable(TOO_DEEP, at)
    const value: Json[] = []
    const children: Place[] = []
    let size = 1
    let height = 0
    for (const item of node.items as (Node | null)[]) {
      this.#path.push(value.length)
      const read = item === null ? nothing(at) : this.#read(item, offsetOf(item, at), depth + 1)
      this.#path.pop()
      value.push(read.value)
      children.push(read.place)
      size += read.size
      height = Math.max(height, read.height)
    }
    return { value, place: { value: at, key, children }, size, height: height + 1 }
  }

  /** Keys are strings here: what YAML takes for a number, a boolean or null counts as it was written. */
  #key(node: Node | null, at: number): string {
    if (node === null) return ''
    if (this.#yaml.isScalar(node)) {
      if (node.anchor !== undefined) this.#anchors.set(node.anchor, scalar(node, at))
      return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
    }
    if (this.#yaml.isAlias(node)) {
      const { value } = this.#alias(node, at, 1)
      if (typeof value !== 'object' || value === null) return String(value)
    }
    throw new Unreadable('a key is a list or an object; keys must be plain strings', at)
  }
}

function scalar(node: Scalar, key: number): Read {
  return { value: node.value as Json, place: { value: offsetOf(node, key), key }, size: 1, height: 0 }
}

function nothing(at: number): Read {
  return { value: null, place: { value: at, key: at }, size: 1, height: 0 }
}

function offsetOf(node: Node, otherwise: number): number {
  return node.range?.[0] ?? otherwise
}
