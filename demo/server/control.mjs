// /control: the switches, the end of every sign-in, and the request log. It exists only where the
// server is told so, for whoever reaches it can break the server and read what others sent.

import { expireTokens } from './sign-in.mjs';
import { switchesSchema } from './switches.mjs';

/** @import { FastifyInstance } from 'fastify' */
/** @import { Database } from './database.mjs' */
/** @import { RequestLog } from './log.mjs' */
/** @import { Switches } from './switches.mjs' */

/**
 * @param {FastifyInstance} app
 * @param {{ database: Database, switches: Switches, log: RequestLog }} parts
 */
export async function controlRoutes(app, { database, switches, log }) {
  app.addHook('onSend', async (request, reply) => {
    // Going offline ends the connections that are kept alive, so this one is not.
    reply.headers({ 'cache-control': 'no-store', connection: 'close' });
  });

  app.get('/control', async () => switches);

  app.post('/control', { schema: { body: switchesSchema } }, async (request, reply) => {
    Object.assign(switches, request.body);
    if (switches.offline) reply.raw.once('finish', () => app.server.closeAllConnections());
    return switches;
  });

  // Whoever is signed in is so no longer.
  app.post('/control/expire', async (request, reply) => {
    await expireTokens(database);
    return reply.code(204).send();
  });

  app.get('/control/log', async () => log.list());

  app.delete('/control/log', async (request, reply) => {
    log.clear();
    return reply.code(204).send();
  });
}
