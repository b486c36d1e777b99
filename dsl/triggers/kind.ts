import type { z } from 'zod'
import type { DocumentPath, Rule } from '../diagnostics.ts'
import { parseDuration } from '../duration.ts'
import type { JsonObject } from '../json.ts'
import type { Z } from '../nodes/fields.ts'
import type { PlanTriggerBase, PlanTriggerOf, TriggerKind } from '../plan.ts'
import { DEFAULT_IN_FLIGHT } from './fields.ts'

/** A trigger as the definition gives it: plain data of which nothing is known yet. */
export type RawTrigger = Readonly<Record<string, unknown>>

/** What a kind's own checks may ask and say. Paths are from the trigger on. */
export interface TriggerCheck {
  report(rule: Rule, path: DocumentPath, message: string, what?: 'key' | 'value'): void
  /** Of what can be, and is hardly meant. */
  warn(rule: Rule, path: DocumentPath, message: string): void
  /** These two report a name that the registry at hand does not know. */
  usesChannel(name: string, path: DocumentPath): void
  usesConnection(name: string, path: DocumentPath): void
  /** Reports a consumer group that a trigger of another flow has. */
  usesGroup(connection: string, groupId: string, path: DocumentPath): void
  /** Reports a connector that the registry at hand does not know, and what a known one finds wrong with its options. */
  usesConnector(kind: string, options: unknown, path: DocumentPath, optionsPath: DocumentPath): void
  /** Whether `jwt` may be left out. */
  readonly hasTokenIssuer: boolean
}

export type TriggerSchema = (z: Z) => z.ZodType<{ type: string; name: string }>

/** Everything that the language knows of a kind of trigger. */
export interface TriggerLanguage<K extends TriggerKind, S extends TriggerSchema> {
  readonly kind: K
  /** A thunk: only the generator of schemas calls it. */
  readonly schema: S
  /** Rules beyond the schema; must cope with fields of the wrong type, which the schema reports. */
  check?(trigger: RawTrigger, check: TriggerCheck): void
  /** Of a checked definition: its own fields, behind those that all kinds share. */
  compile(trigger: z.infer<ReturnType<S>>, base: PlanTriggerBase): PlanTriggerOf<K>
}

/** Ties a kind's parts together by their types. */
export function defineTrigger<K extends TriggerKind, S extends TriggerSchema>(language: TriggerLanguage<K, S>): TriggerLanguage<K, S> {
  return language
}

/** The fields that all kinds share, compiled. */
export function baseOf(trigger: RawTrigger): PlanTriggerBase {
  const { name, version, filter, input, maxInFlight, deadLetter } = trigger
  return {
    name: name as string,
    maxInFlight: (maxInFlight as number | undefined) ?? DEFAULT_IN_FLIGHT,
    ...(version === undefined ? {} : { version: version as string }),
    ...(filter === undefined ? {} : { filter: filter as string }),
    ...(input === undefined ? {} : { input: input as JsonObject }),
    ...(deadLetter === undefined ? {} : { deadLetter: deadLetter as string }),
  }
}

/** Of a checked duration. */
export function msOf(value: number | string | undefined, byDefault: number): number {
  return (value === undefined ? undefined : parseDuration(value)) ?? byDefault
}
