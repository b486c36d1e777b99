/** Commands that the program will have; naming one is answered with that. */
export const LATER_COMMANDS: ReadonlySet<string> = new Set(['init', 'test', 'import'])
