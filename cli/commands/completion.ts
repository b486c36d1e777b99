import type { Command } from 'commander'
import { SCRIPTS, type Shell } from '../completion/scripts.ts'
import { complete } from '../completion/words.ts'
import { EXIT } from '../exit-codes.ts'
import { print } from '../output.ts'

/** `fnflow completion`: what a shell is to evaluate, on stdout. */
export async function completion(shell: Shell): Promise<number> {
  await print(SCRIPTS[shell])
  return EXIT.ok
}

/** `fnflow __complete -- <words>`: what the scripts ask for. */
export async function completeWords(program: Command, words: readonly string[]): Promise<number> {
  const { values, paths } = complete(program, words)
  const lines = values.map(({ value, description }) => `${value}\t${description.replace(/\s+/g, ' ')}`)
  await print([...lines, `:${paths}`].join('\n'))
  return EXIT.ok
}
