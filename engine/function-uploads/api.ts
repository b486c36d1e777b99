import type { FunctionDocument } from '../function-documents.ts'
import type { Preconditions } from '../catalogue/api.ts'

export interface FunctionPutOptions extends Preconditions {
  /** `app/name` that the definition must have; it may leave both out then. */
  readonly name?: string
  /** Of a request that may be made again: it then finds what it made. */
  readonly id?: string
}

export interface FunctionPutResult {
  readonly function: FunctionDocument
  readonly created: boolean
  readonly etag: string
}

/** A function that was put, as it is kept. */
export interface StoredFunction {
  /** `app/name` */
  readonly key: string
  /** JSON, defaults filled in, without code. */
  readonly definition: string
  /** SHA-256 of the archive; null: an executor of the user's that needs none. */
  readonly code: string | null
  readonly etag: string
  readonly madeBy: string | null
}

/** Where functions that were put are kept. Rejects with EngineError `store-failed` and `engine-closed`. */
export interface FunctionStore {
  /** Where their code lies; null: in a temporary folder. */
  readonly folder: string | null
  /** What other processes, too, read and change; null: this one alone has the store. */
  readonly shared: SharedFunctions | null
  all(): Promise<readonly StoredFunction[]>
  find(key: string): Promise<StoredFunction | undefined>
  /**
   * Puts a function in the place of the one with the ETag `before`; null: where there is none. Resolves when that is safe; without effect to `changed` where
   * there is another one by now, and to `no-code` where the code is not in the store.
   */
  save(stored: StoredFunction, before: string | null): Promise<'saved' | 'changed' | 'no-code'>
  /** Takes out the one with the ETag `before`. Resolves when that is safe; without effect to false where there is another one by now. */
  remove(key: string, before: string): Promise<boolean>
}

/** Code in the store itself, by its hash, since the machines that need it are several. */
export interface SharedFunctions {
  /** Another number with every change of a function. */
  version(): Promise<number>
  saveCode(hash: string, archive: Uint8Array): Promise<void>
  code(hash: string): Promise<Uint8Array | undefined>
}
