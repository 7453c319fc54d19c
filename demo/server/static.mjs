// The demo's pages, as they were built: a PWA whose own service worker keeps them offline.

import fastifyStatic from '@fastify/static';
import { problem, sendAnswer } from './answer.mjs';

/** @import { FastifyInstance } from 'fastify' */

const headers = {
  // wasm has to be compiled; nothing else may be made from text.
  'content-security-policy':
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
    "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; " +
    "frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  // Asked for again each time, mostly answered 304: a page never mixes the files of two builds.
  'cache-control': 'no-cache',
};

/**
 * @param {FastifyInstance} app
 * @param {{ folder: string }} options
 */
export async function serveStatic(app, { folder }) {
  app.addHook('onSend', async (request, reply) => void reply.headers(headers));

  await app.register(fastifyStatic, { root: folder, cacheControl: false });

  // The app's own routes have no file, and no dot in their last part as files have.
  app.setNotFoundHandler((request, reply) => {
    const [path] = request.url.split('?');
    const isPage = /\/[^./]*$/.test(path) && !/^\/(api|control)(\/|$)/.test(path);
    if (request.method === 'GET' && isPage) return reply.sendFile('index.html');
    sendAnswer(reply, problem(404, `There is no ${request.method} ${request.url}.`));
  });
}
