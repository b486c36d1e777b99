import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import type { JsonObject } from '../../dsl/json.ts'
import type { PlanHttpTrigger } from '../../dsl/plan.ts'

/** Signatures by a key of the issuer's own; none by what is shared, or by nothing. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const MOST_SETS = 100
const MOST_BYTES = 256 * 1024
const CLOCK_TOLERANCE_S = 5

/** As the platform's, behind whatever guards outgoing requests. */
export type Fetch = (
  url: string,
  init: { readonly signal?: AbortSignal; readonly redirect?: 'error' | 'follow' | 'manual' },
) => Promise<{
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: AsyncIterable<Uint8Array> | null
}>

/** Who makes tokens. */
export interface TokenIssuer {
  readonly issuer: string
  readonly audience: string
  readonly jwksUrl: string
}

/** Verifies tokens by the key sets that triggers name, or by those of the server's own issuer. The library is loaded when the first token comes. */
export class Tokens {
  private readonly fetch: Fetch
  private readonly sets = new Map<string, JWTVerifyGetKey>()

  private readonly byDefault: TokenIssuer | undefined

  constructor(fetch: Fetch, byDefault?: TokenIssuer) {
    this.fetch = fetch
    this.byDefault = byDefault
  }

  /** What a token says; undefined for one that the trigger does not take. Rejects where the keys cannot be had. */
  async claims({ jwt = this.byDefault }: PlanHttpTrigger, token: string): Promise<JsonObject | undefined> {
    if (jwt === undefined) return undefined
    const { errors, jwtVerify } = await import('jose')
    const keys = await this.keysOf(jwt.jwksUrl)
    try {
      const { payload } = await jwtVerify<JWTPayload>(token, keys, {
        issuer: jwt.issuer,
        audience: jwt.audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp'],
        clockTolerance: CLOCK_TOLERANCE_S,
      })
      return payload as unknown as JsonObject
    } catch (error) {
      // what the issuer's server does wrong is not the caller's fault
      const isOurs =
        !(error instanceof errors.JOSEError) ||
        error instanceof errors.JWKSTimeout ||
        error instanceof errors.JWKSInvalid ||
        error.code === 'ERR_JOSE_GENERIC'
      if (isOurs) throw error
      return undefined
    }
  }

  private async keysOf(url: string): Promise<JWTVerifyGetKey> {
    const known = this.sets.get(url)
    if (known !== undefined) return known
    const { createRemoteJWKSet, customFetch } = await import('jose')
    const keys = createRemoteJWKSet(new URL(url), {
      [customFetch]: async (address: string, { signal, redirect }: { readonly signal: AbortSignal; readonly redirect: 'manual' }) =>
        limited(await this.fetch(address, { signal, redirect })),
    })
    const [oldest] = this.sets.keys()
    if (this.sets.size >= MOST_SETS) this.sets.delete(oldest as string)
    this.sets.set(url, keys)
    return keys
  }
}

/** A set of keys is small; what never ends is not read to its end. */
async function limited({ status, body }: Awaited<ReturnType<Fetch>>): Promise<Response> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of body ?? []) {
    bytes += part.length
    if (bytes > MOST_BYTES) throw new Error(`a key set has more than ${MOST_BYTES} bytes`)
    parts.push(part)
  }
  return new Response(Buffer.concat(parts), { status })
}
