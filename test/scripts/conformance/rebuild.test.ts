import { everyCase } from './every-case.ts'

everyCase('embedded', { rebuild: true })
