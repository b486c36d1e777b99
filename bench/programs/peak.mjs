import { readFileSync } from 'node:fs'

/**
 * Peak RSS of this process, in MiB. On Linux `maxRSS` begins with what the parent had when it forked, since it outlives `exec`; VmHWM does not.
 */
export function peakMb() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1024
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024
}
