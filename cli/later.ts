/** Commands that the program will have; naming one is answered with that. */
export const LATER_COMMANDS: ReadonlySet<string> = new Set([
  'init',
  'start',
  'stop',
  'retry',
  'rerun',
  'show',
  'list',
  'logs',
  'callback',
  'invoke',
  'deploy',
  'publish',
  'test',
  'import',
  'doctor',
])
