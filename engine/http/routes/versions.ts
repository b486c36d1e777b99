import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Engine } from '../../api.ts'
import type { CatalogueFlow, FlowAlias } from '../../catalogue/api.ts'
import { absentBody } from '../absent-body.ts'
import { idOf } from '../idempotency.ts'
import { pageBehind } from '../pages.ts'
import { answer, emptyAnswer } from '../schemas/answers.ts'
import { flowName, noQuery, pageQuery, versionName } from '../schemas/common.ts'
import {
  aliasBody,
  aliasName,
  flowAlias,
  flowAliasPage,
  flowVersion,
  flowVersionPage,
  publishBody,
  wholeVersion,
} from '../schemas/flows.ts'
import { BODY_PROBLEMS, problems } from '../schemas/problems.ts'
import { without } from '../without.ts'

/** Versions and aliases of flows (http-api.md, 2). */
export async function versionRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const params = z.object({ name: flowName })

  const publish = {
    operationId: 'publishFlow',
    tags: ['flows'],
    summary: 'Publishes the definition of a flow as a version that never changes',
    params,
    querystring: noQuery,
    body: publishBody.optional(),
    response: {
      201: answer('it is published', flowVersion, 'location'),
      ...problems(...BODY_PROBLEMS, 'flow-not-found', 'conflict'),
    },
  }
  app.post(
    '/v1/flows/:name/versions',
    { config: { role: 'admin' }, preValidation: absentBody, schema: publish },
    async (request, reply) => {
      const { name } = request.params
      const published = await engine.catalogue.publish(name, { ...without(request.body ?? {}), ...idOf(request) })
      return reply.code(201).header('location', `${plain.prefix}/v1/flows/${name}/versions/${published.version}`).send(versionOf(published))
    },
  )

  const list = {
    operationId: 'listFlowVersions',
    tags: ['flows'],
    summary: 'Lists the versions of a flow, newest first',
    params,
    querystring: pageQuery,
    response: { 200: answer('a page of versions', flowVersionPage), ...problems('flow-not-found') },
  }
  app.get('/v1/flows/:name/versions', { config: { role: 'viewer' }, schema: list }, async ({ params: { name }, query }) => {
    const { items, nextCursor } = await engine.catalogue.versions(name, without(query))
    return { items: items.map(versionOf), ...(nextCursor === undefined ? {} : { nextCursor }) }
  })

  const get = {
    operationId: 'getFlowVersion',
    tags: ['flows'],
    summary: 'Shows a version of a flow with its definition',
    params: z.object({ name: flowName, version: versionName }),
    querystring: noQuery,
    response: { 200: answer('the version', wholeVersion), ...problems('flow-not-found', 'version-not-found', 'conflict') },
  }
  app.get('/v1/flows/:name/versions/:version', { config: { role: 'viewer' }, schema: get }, async ({ params: { name, version } }) => {
    const found = await engine.catalogue.version(name, version)
    return { ...versionOf(found), definition: JSON.parse(found.json) as unknown }
  })

  const aliases = {
    operationId: 'listFlowAliases',
    tags: ['flows'],
    summary: 'Lists the aliases of a flow, by name',
    params,
    querystring: pageQuery,
    response: { 200: answer('a page of aliases', flowAliasPage), ...problems('flow-not-found') },
  }
  app.get('/v1/flows/:name/aliases', { config: { role: 'viewer' }, schema: aliases }, async ({ params: { name }, query }) => {
    const { items, ...next } = pageBehind(await engine.catalogue.aliases(name), ({ alias }) => alias, query)
    return { items: items.map(aliasOf), ...next }
  })

  const aliasParams = z.object({ name: flowName, alias: aliasName })
  const put = {
    operationId: 'putFlowAlias',
    tags: ['flows'],
    summary: 'Makes an alias of a flow, or lets it lead elsewhere',
    params: aliasParams,
    querystring: noQuery,
    body: aliasBody,
    response: {
      200: answer('it leads elsewhere', flowAlias),
      201: answer('it is made', flowAlias, 'location'),
      ...problems(...BODY_PROBLEMS, 'flow-not-found', 'version-not-found', 'conflict'),
    },
  }
  app.put(
    '/v1/flows/:name/aliases/:alias',
    { config: { role: 'admin' }, schema: put },
    async ({ params: { name, alias }, body }, reply) => {
      const target = body.version === undefined ? { versions: body.versions! } : { version: body.version }
      const { created, ...made } = await engine.catalogue.setAlias(name, alias, target)
      if (created) void reply.header('location', `${plain.prefix}/v1/flows/${name}/aliases`)
      return reply.code(created ? 201 : 200).send(aliasOf(made))
    },
  )

  const remove = {
    operationId: 'deleteFlowAlias',
    tags: ['flows'],
    summary: 'Deletes an alias of a flow',
    params: aliasParams,
    querystring: noQuery,
    response: { 204: emptyAnswer('it is deleted'), ...problems('flow-not-found', 'alias-not-found') },
  }
  app.delete(
    '/v1/flows/:name/aliases/:alias',
    { config: { role: 'admin' }, schema: remove },
    async ({ params: { name, alias } }, reply) => {
      await engine.catalogue.removeAlias(name, alias)
      return reply.code(204).send()
    },
  )
}

function versionOf({ flow, version, hash, mode, deployedAt, description }: CatalogueFlow) {
  return { flow, version, revision: hash, mode, publishedAt: deployedAt, ...(description === undefined ? {} : { description }) }
}

function aliasOf({ alias, versions, updatedAt }: FlowAlias) {
  const [only] = versions
  return versions.length === 1 && only !== undefined ? { alias, version: only.version, updatedAt } : { alias, versions, updatedAt }
}
