import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './support.ts'

/**
 * What a line of curl prints, as it stands in a document: curl itself may not be on this machine. Knows -s, -X, -H, -d and --data-binary @file
 * (relative to the repository), and refuses what it does not know.
 */
export async function curl(line: string): Promise<string> {
  const words = [...line.matchAll(/'((?:[^']|'\\'')*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) =>
    single === undefined ? (double ?? plain ?? '') : single.replaceAll(String.raw`'\''`, "'"),
  )
  if (words.shift() !== 'curl') throw new Error(`no line of curl: ${line}`)
  const headers: Record<string, string> = {}
  let method: string | undefined
  let body: string | undefined
  let url = ''
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-X') method = words.shift()
    else if (word === '-H') {
      const [name = '', value = ''] = (words.shift() ?? '').split(/: (.*)/s)
      headers[name] = value
    } else if (word === '-d') body = words.shift()
    else if (word === '--data-binary') body = readFileSync(join(ROOT, (words.shift() ?? '').replace(/^@/, '')), 'utf8')
    else if (word.startsWith('-') && word !== '-s') throw new Error(`what is ${word}?`)
    else if (word !== '-s') url = word.startsWith('http') ? word : `http://${word}`
  }
  const response = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers,
    ...(body === undefined ? {} : { body }),
  })
  return response.text()
}
