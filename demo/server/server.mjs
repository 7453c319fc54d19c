// The demo's server: the API, the pages, and, where it is told to, the controls.

import Fastify from 'fastify';
import { sendAnswer } from './answer.mjs';
import { apiRoutes } from './api.mjs';
import { controlRoutes } from './control.mjs';
import { openDatabase } from './database.mjs';
import { createLog } from './log.mjs';
import { refusal } from './refusal.mjs';
import { seedOrders } from './seed.mjs';
import { serveStatic } from './static.mjs';
import { createSwitches } from './switches.mjs';
import { createTables } from './tables.mjs';

/** @import { FastifyError } from 'fastify' */
/** @import { LogEntry } from './log.mjs' */

/**
 * @typedef {object} Options
 * @property {number} [port] Default: 0, any that is free.
 * @property {string} [host] Default: '127.0.0.1', reached from this machine only.
 * @property {string} [database] 'memory://' (default), a folder, or a PostgreSQL URL.
 * @property {string} [staticDir] The folder of the built pages. Default: no pages.
 * @property {boolean} [control] Whether /control exists. Default: false.
 * @property {number} [seed] How many orders a new database starts with. Default: 0.
 * @property {string} [origin] Whose pages may call the API, beside its own; '*' for all.
 * @property {() => number} [now]
 *
 * @typedef {object} Server
 * @property {string} url Without a slash at its end.
 * @property {string} databaseName For a person.
 * @property {() => LogEntry[]} log
 * @property {() => Promise<void>} close Ends all connections, lets transactions finish.
 */

/**
 * Resolves when the server listens.
 *
 * @param {Options} [options]
 * @returns {Promise<Server>}
 */
export async function startServer(options = {}) {
  const { port = 0, host = '127.0.0.1', staticDir, control = false, seed = 0, origin } = options;
  const now = options.now ?? Date.now;
  const log = createLog();
  const switches = createSwitches();
  const database = await openDatabase(options.database ?? 'memory://');

  const app = Fastify({
    bodyLimit: 1024 * 1024,
    forceCloseConnections: true,
    ajv: {
      customOptions: {
        // What a request says is taken as it is, or refused: nothing is dropped or converted.
        removeAdditional: false,
        coerceTypes: false,
        allowUnionTypes: true,
        allErrors: true,
        verbose: true,
      },
    },
  });

  try {
    await createTables(database, () => seedOrders(seed, now()));

    app.addHook('onRequest', async (request, reply) => {
      if (!switches.offline || request.url.startsWith('/control')) return;
      reply.hijack();
      reply.raw.destroy();
    });
    app.setErrorHandler((/** @type {FastifyError} */ error, request, reply) => {
      sendAnswer(reply, refusal(error, request.routeOptions.bodyLimit));
    });
    // Only JSON is taken: a page of another site can send text without asking.
    app.removeContentTypeParser('text/plain');
    // Answers are text when they get here; the schemas of responses only describe them.
    app.setSerializerCompiler(() => JSON.stringify);

    await app.register(apiRoutes, { prefix: '/api', database, log, switches, origin, now });
    if (control) await app.register(controlRoutes, { database, log, switches });
    if (staticDir) await app.register(serveStatic, { folder: staticDir });
    await app.listen({ port, host });
  } catch (error) {
    await app.close();
    await database.close();
    throw error;
  }

  return {
    url: app.listeningOrigin,
    databaseName: database.name,
    log: log.list,
    close: async () => {
      await app.close();
      await database.close();
    },
  };
}
