// What Node alone takes, in MiB.
import { peakMb } from './peak.mjs'

console.log(peakMb())
