import type { Argument, Command, Option } from 'commander'

/** What can stand in place of a word. */
export interface Completion {
  /** In the order in which a help shows them. */
  readonly values: readonly { readonly value: string; readonly description: string }[]
  /** What else can: names of files or folders, which shells know best how to complete. */
  readonly paths: 'files' | 'folders' | 'none'
}

const NOTHING: Completion = { values: [], paths: 'none' }

/**
 * What can stand in place of the last word of a command line.
 *
 * @param words The line without the program, as far as the cursor; the last one is the beginning of what is asked for. bash gives `--a=b` as the
 *   three words `--a`, `=` and `b`, and takes completions of the last alone.
 */
export function complete(program: Command, words: readonly string[]): Completion {
  const current = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  let command = program
  let given = 0
  /** The option whose value comes next. */
  let open: Option | undefined
  for (const [at, word] of before.entries()) {
    if (word === '=' && open !== undefined) continue
    if (open !== undefined) {
      open = undefined
      continue
    }
    // all that follows is arguments
    if (word === '--') return argumentOf(command, given + before.length - at - 1, current)
    if (word.startsWith('-') && word !== '-') {
      const option = optionOf(command, word.split('=', 1)[0] ?? '')
      if (option?.required === true && !word.includes('=')) open = option
      continue
    }
    const inner = given === 0 ? childOf(command, word) : undefined
    if (inner === undefined) given += 1
    else command = inner
  }
  if (open !== undefined) return valuesOf(open, current === '=' ? '' : current)
  const [name = '', ...rest] = current.split('=')
  if (current.startsWith('-') && rest.length > 0) {
    const option = optionOf(command, name)
    return option === undefined ? NOTHING : prefixed(`${name}=`, valuesOf(option, rest.join('=')))
  }
  if (current.startsWith('-')) return only(current, namesOf(command))
  const inner = given === 0 ? command.createHelp().visibleCommands(command) : []
  if (inner.length === 0) return argumentOf(command, given, current)
  return only(
    current,
    inner.map((one) => ({ value: one.name(), description: one.summary() || one.description() })),
  )
}

/** `help run`: what follows help is a command. */
function childOf(command: Command, word: string): Command | undefined {
  if (command.parent === null && word === 'help') return command
  return command.commands.find((one) => one.name() === word || one.aliases().includes(word))
}

function optionOf(command: Command, name: string): Option | undefined {
  return command.options.find(({ short, long }) => short === name || long === name)
}

function namesOf(command: Command): Completion['values'] {
  const options = command.createHelp().visibleOptions(command)
  return options.map(({ long, short, description }) => ({ value: long ?? short ?? '', description }))
}

function valuesOf({ argChoices, flags }: Option, current: string): Completion {
  if (argChoices !== undefined)
    return only(
      current,
      argChoices.map((value) => ({ value, description: '' })),
    )
  return { values: [], paths: pathsOf(/<(.*)>/.exec(flags)?.[1] ?? '') }
}

function argumentOf(command: Command, at: number, current: string): Completion {
  const known = command.registeredArguments
  const argument: Argument | undefined = known[at] ?? (known.at(-1)?.variadic === true ? known.at(-1) : undefined)
  if (argument === undefined) return NOTHING
  if (argument.argChoices !== undefined)
    return only(
      current,
      argument.argChoices.map((value) => ({ value, description: '' })),
    )
  return { values: [], paths: pathsOf(`${argument.name()} ${argument.description}`) }
}

/** By what an argument is called in the help. */
function pathsOf(text: string): Completion['paths'] {
  if (/\bfiles?\b/.test(text)) return 'files'
  return /\bfolder\b/.test(text) ? 'folders' : 'none'
}

function only(current: string, values: Completion['values']): Completion {
  return { values: values.filter(({ value }) => value.startsWith(current)), paths: 'none' }
}

/** Paths of a word that begins otherwise are left to the shell. */
function prefixed(prefix: string, { values, paths }: Completion): Completion {
  return { values: values.map(({ value, description }) => ({ value: `${prefix}${value}`, description })), paths }
}
