/** What reads configurations needs of connections. */
export { checkConnection } from '../connectors/connections.ts'
export { WrongOption } from '../connectors/wrong-option.ts'
