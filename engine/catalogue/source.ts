/** Texts of definitions: as they were written, and in the other form. */
import { createHash } from 'node:crypto'
import type { FlowSource } from '../execution-info.ts'
import type { FlowText } from './api.ts'

/**
 * What a store keeps of a definition that was read without mistakes.
 *
 * @param json The definition as compact JSON.
 */
export function sourceOf(source: string | Uint8Array | object, json: string, format?: FlowText['format']): FlowSource {
  const written = textOf(source)
  // an object was written as nothing yet
  if (written === undefined) return sealed({ text: json, format: 'json', json })
  if ((format ?? (isJson(written) ? 'json' : 'yaml')) === 'yaml') return sealed({ text: written.toWellFormed(), format: 'yaml', json })
  // JSON has no byte order mark when it is sent
  const text = wellFormed(withoutMark(written))
  return sealed({ text, format: 'json', json: text })
}

/** Characters of a JSON text beyond which it is its own YAML: the library would take seconds for what nobody reads. */
const CONVERTED_CHARS = 131_072

/** The text of a definition in YAML: as it was written, or else made of the JSON, which is YAML, too. */
export async function yamlOf({ text, format }: FlowText): Promise<string> {
  if (format === 'yaml' || text.length > CONVERTED_CHARS) return text
  const { Document, visit, isScalar } = await import('yaml')
  const document = new Document(JSON.parse(text), { schema: 'core', version: '1.2', aliasDuplicateObjects: false })
  visit(document, {
    Scalar(_key, node) {
      // block scalars lose what JSON has: tabs at the beginning of lines, carriage returns, spaces at the end
      if (isScalar(node) && typeof node.value === 'string' && /[\n\r\t\u0085\u2028\u2029\ufeff]/.test(node.value))
        node.type = 'QUOTE_DOUBLE'
    },
  })
  return document.toString({ lineWidth: 0 })
}

function sealed(source: Omit<FlowSource, 'etag'>): FlowSource {
  const { text, format } = source
  return { ...source, etag: createHash('sha256').update(`${format}\n${text}`).digest('hex').slice(0, 40) }
}

/** Undefined for an object. Bytes were found to be UTF-8. */
function textOf(source: string | Uint8Array | object): string | undefined {
  if (typeof source === 'string') return source
  return ArrayBuffer.isView(source) ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(source as Uint8Array) : undefined
}

function isJson(text: string): boolean {
  if (!/^[ \t\r\n]*[[{]/.test(withoutMark(text))) return false
  try {
    JSON.parse(withoutMark(text))
    return true
  } catch {
    return false
  }
}

function withoutMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}

/** Half a surrogate pair, which UTF-8 cannot carry, stands in strings alone, and can be escaped there. */
function wellFormed(json: string): string {
  if (json.isWellFormed()) return json
  return json.replaceAll(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, (half) =>
    JSON.stringify(half).slice(1, -1),
  )
}
