import type { Estimate, FlowEstimate } from '../../engine/estimate/estimate.ts'
import type { Cost, Pending } from '../../engine/estimate/cost.ts'
import type { Range } from '../../engine/estimate/range.ts'
import { scheduled, totalsOf, totalsWithChildren } from '../../engine/estimate/totals.ts'
import { duration, onStdout } from '../output.ts'
import { visible } from '../visible.ts'
import type { Assumed } from './document.ts'
import type { LocatedFinding } from './findings.ts'
import { table } from './table.ts'

/** The estimate for people: a table of nodes, totals, the longest path, findings. */
export function planText(estimate: Estimate, assumed: Assumed, findings: readonly LocatedFinding[]): string {
  const { plan } = estimate
  const parts = [heading(estimate, assumed), table(HEAD, rowsOf(estimate)), totals(estimate)]
  if (findings.length > 0) parts.push(findings.map(findingText).join('\n'))
  if (plan.mode === 'express') parts.push('An express flow runs in memory: it has no history, and as a subflow it is one activity.')
  return parts.join('\n\n')
}

function heading({ plan, loops }: Estimate, { input, bytes }: Assumed): string {
  const counts = loops.map(({ loop, items, from }) => `${visible(loop)} ${count(items)}${from === 'input' ? '' : ' (assumed)'}`)
  const items = loops.length === 0 ? '' : `; items: ${counts.join(', ')}`
  return `${onStdout('bold', visible(plan.flow))} (${plan.mode}) ${input ? 'with this input' : 'without an input'}; results of ${size(bytes)}${items}`
}

const HEAD = ['node', 'type', 'runs', 'invocations', 'events', 'least..most', 'with retries', 'bytes', 'pending'] as const

function rowsOf({ rows, frame, cost, plan }: FlowEstimate): string[][] {
  const lines = rows.map(({ node, type, runs, cost: own, note }) => {
    const steps = node.split('/')
    const name = `${'  '.repeat(steps.length - 1)}${visible(steps.at(-1) as string)}`
    return [
      name,
      type,
      runs.most === 0 && runs.withRetries > 0 ? 'on error' : span(runs),
      ...figures(own),
      pendingText(scheduled(own.pending)),
      ...(note === undefined ? [] : [note]),
    ]
  })
  const start = plan.mode === 'express' ? [] : [['(start and end)', '', '', ...figures(frame), '']]
  return [...start, ...lines, ['in all', '', '', ...figures(cost), pendingText(scheduled(cost.pending))]]
}

function figures(cost: Cost): string[] {
  const { invocations, events, bytes } = totalsOf(cost)
  const spread = events.least < events.most - 0.5 ? `${count(events.least)}..${count(events.most)}` : ''
  const retries = events.withRetries > events.most + 0.5 ? count(events.withRetries) : ''
  return [span(invocations, true), dash(count(events.expected)), spread, retries, bytes.expected === 0 ? '' : size(bytes.expected)]
}

function totals(estimate: Estimate): string {
  const { cost, plan } = estimate
  const { invocations, events } = totalsOf(cost)
  const lanes = cost.laneEvents.expected === 0 ? '' : `, of them ${count(cost.laneEvents.expected)} in the histories of lanes`
  const lines: Line[] = [
    ...(plan.mode === 'express' ? [] : [['events', `${rangeText(events)}${lanes}`] as const, ['history', historyText(estimate)] as const]),
    ['invocations', `${rangeText(invocations)}, up to ${count(cost.atOnce)} at one time`],
    ['longest path', longestText(estimate)],
    ...childLines(estimate),
  ]
  const width = Math.max(...lines.map(([name]) => name.length))
  return lines.map(([name, text]) => `${onStdout('dim', name.padEnd(width))}  ${text}`).join('\n')
}

type Line = readonly [name: string, text: string]

function historyText({ cost, runs, historyBytes }: FlowEstimate): string {
  const { bytes, stored } = totalsOf(cost)
  const cut = runs.expected > 1.5 ? `, in some ${Math.round(runs.expected)} runs` : ''
  const store = stored.expected < 1 ? '' : `; ${size(stored.expected)} in the payload store`
  return `${size(historyBytes.expected)}${cut}; ${size(bytes.expected)} of payloads${store}`
}

function longestText({ cost, plan }: FlowEstimate): string {
  const { activities, events, waitMs, nodes } = cost.longest
  const what =
    plan.mode === 'express' ? many(activities, 'effect') : `${many(activities, 'activity', 'activities')} and ${many(events, 'event')}`
  const wait = waitMs > 0 ? `, waits of ${duration(waitMs)}` : ''
  const way = nodes.map(({ place, times }) => `${visible(place)}${times === 1 ? '' : ` × ${count(times)}`}`).join(', ')
  return `${what} one behind the other${wait}${way === '' ? '' : `: ${way}`}`
}

function childLines(estimate: Estimate): Line[] {
  const known = estimate.children.flatMap(({ estimate: child, ...rest }) => (child === undefined ? [] : [{ ...rest, child }]))
  if (known.length === 0) return []
  const lines = known.map(({ node, flow, runs, child }): Line => {
    const { events, invocations } = totalsWithChildren(child)
    const its = child.plan.mode === 'express' ? 'in memory' : `${rangeText(events)} events`
    return [
      'subflow',
      `${visible(node)} starts ${visible(flow)} ${runs.least === 1 && runs.most === 1 ? 'once' : `${span(runs)} times`}: ${its}, invocations: ${rangeText(invocations)}`,
    ]
  })
  const { events, invocations, bytes } = totalsWithChildren(estimate)
  const all = `${rangeText(events)} events, invocations: ${rangeText(invocations)}, ${size(bytes.expected)} of payloads`
  return [...lines, ['with subflows', all]]
}

/** `347 (305 to 605, with retries up to 1,105)`. */
function rangeText(range: Range): string {
  const { least, expected, most, withRetries } = range
  const spread = least < most - 0.5 ? `${count(least)} to ${count(most)}` : ''
  const retries = withRetries > most + 0.5 ? `with retries up to ${count(withRetries)}` : ''
  const more = [spread, retries].filter((text) => text !== '').join(', ')
  return `${count(expected)}${more === '' ? '' : ` (${more})`}`
}

function findingText({ file, line, column, rule, severity, message, remedy, node }: LocatedFinding): string {
  const kind = onStdout(severity === 'warning' ? 'yellow' : 'dim', `${severity}:`)
  const what = node === undefined ? message : `${node}: ${message}`
  return `${onStdout('bold', visible(`${file}:${line}:${column}`))} ${rule} ${kind} ${visible(what)}\n  ${visible(remedy)}`
}

function pendingText({ activities, children, timers }: Pending): string {
  const parts = [
    activities > 0 && many(activities, 'activity', 'activities'),
    children > 0 && many(children, 'child', 'children'),
    timers > 0 && many(timers, 'timer'),
  ]
  return parts.filter((part) => part !== false).join(', ')
}

/** `100`, or `0..1`. */
function span({ least, most }: Range, emptyIfNone = false): string {
  if (most === 0 && emptyIfNone) return ''
  return least < most ? `${count(least)}..${count(most)}` : count(most)
}

function many(value: number, one: string, more = `${one}s`): string {
  return `${count(value)} ${Math.round(value) === 1 ? one : more}`
}

function dash(text: string): string {
  return text === '0' ? '' : text
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function size(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`
  const power = Math.min(UNITS.length, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[power - 1]}`
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const
