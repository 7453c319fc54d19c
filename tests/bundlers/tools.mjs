// The tools that an app is built with: what has to be installed, what the app's folder holds, how
// it is built, and where the site then stands. `serve` instead of `out`: the tool serves it itself.

const html = script => `<!doctype html>
<html><head><meta charset="utf-8"><title>app</title></head>
<body>${script}</body></html>`;

/** The app: it writes one record more with every visit, and shows how many wait. */
export const app = `
import { openHoldfast } from 'holdfast'

const hf = await openHoldfast({ name: 'app', baseUrl: '/api', collections: { task: {} } })
await hf.collection('task').create({ title: 'Replace the valve' })
const tasks = await hf.collection('task').list()
document.body.append(tasks.length + ' recorded, ' + hf.status.get().pending + ' pending')
`;

const copied = [
  'sh',
  '-c',
  'cd node_modules/holdfast/dist && cp worker.js holdfast.js holdfast.wasm ../../../dist/',
];

export const tools = {
  'a plain script tag': {
    install: [],
    files: {
      'site/index.html': html(
        `<script type="importmap">{ "imports": { "holdfast": "/holdfast/dist/index.js" } }</script>
        <script type="module" src="/app.js"></script>`,
      ),
      'site/app.js': app,
    },
    build: [['cp', '-r', 'node_modules/holdfast', 'site/holdfast']],
    out: 'site',
  },

  Vite: {
    install: ['vite@7'],
    files: {
      'index.html': html('<script type="module" src="/app.js"></script>'),
      'app.js': app,
    },
    build: [['npx', 'vite', 'build']],
    out: 'dist',
  },

  'Vite’s dev server': {
    install: ['vite@7'],
    files: {
      'index.html': html('<script type="module" src="/app.js"></script>'),
      'app.js': app,
      'vite.config.js': "export default { optimizeDeps: { exclude: ['holdfast'] } }",
    },
    build: [],
    serve: port => ['npx', 'vite', '--port', port, '--strictPort', '--host', '127.0.0.1'],
  },

  'webpack 5': {
    install: ['webpack@5', 'webpack-cli@6'],
    files: {
      'dist/index.html': html('<script type="module" src="/main.js"></script>'),
      'src/index.js': app,
      'webpack.config.cjs': `module.exports = {
        mode: 'production',
        experiments: { topLevelAwait: true },
        output: { publicPath: '/' },
      }`,
      'package.json': '{ "type": "module" }',
    },
    build: [['npx', 'webpack', '--config', 'webpack.config.cjs']],
    out: 'dist',
  },

  Rollup: {
    install: ['rollup@4', '@rollup/plugin-node-resolve@16'],
    files: {
      'dist/index.html': html('<script type="module" src="/app.js"></script>'),
      'app.js': app,
      'rollup.config.mjs': `
        import resolve from '@rollup/plugin-node-resolve'
        export default {
          input: 'app.js',
          output: { dir: 'dist', format: 'es' },
          plugins: [resolve({ browser: true })],
        }`,
    },
    // Rollup leaves `new URL(…, import.meta.url)` as it is: what it names goes beside the bundle.
    build: [['npx', 'rollup', '-c'], copied],
    out: 'dist',
  },

  esbuild: {
    install: ['esbuild@0.28'],
    files: {
      'dist/index.html': html('<script type="module" src="/app.js"></script>'),
      'app.js': app,
    },
    build: [['npx', 'esbuild', 'app.js', '--bundle', '--format=esm', '--outdir=dist'], copied],
    out: 'dist',
  },

  'esbuild with holdfast/inline': {
    install: ['esbuild@0.28'],
    files: {
      'dist/index.html': html('<script type="module" src="/app.js"></script>'),
      'app.js': app.replace("'holdfast'", "'holdfast/inline'"),
    },
    build: [['npx', 'esbuild', 'app.js', '--bundle', '--format=esm', '--outdir=dist']],
    out: 'dist',
  },

  Parcel: {
    install: ['parcel@2'],
    files: {
      'index.html': html('<script type="module" src="./app.js"></script>'),
      'app.js': app,
      'package.json': JSON.stringify({
        browserslist: 'chrome >= 110',
        '@parcel/resolver-default': { packageExports: true },
      }),
    },
    build: [['npx', 'parcel', 'build', 'index.html', '--no-cache']],
    out: 'dist',
  },

  'Next.js with Turbopack': next('--turbopack'),
  'Next.js with webpack': next('--webpack'),
};

function next(bundler) {
  return {
    install: ['next@16', 'react@19', 'react-dom@19'],
    files: {
      'next.config.mjs': "export default { output: 'export' }",
      'app/layout.js': `export default function Layout({ children }) {
        return <html><body>{children}</body></html>
      }`,
      'app/page.js': `'use client'
        import { openHoldfast } from 'holdfast'
        import { useHoldfast, useRecords, useSyncStatus } from 'holdfast/react'
        import { useEffect } from 'react'

        const open = async () => {
          const hf = await openHoldfast({ name: 'app', baseUrl: '/api', collections: { task: {} } })
          await hf.collection('task').create({ title: 'Replace the valve' })
          return hf
        }

        export default function Page() {
          const hf = useHoldfast('app', open)
          const tasks = useRecords(hf?.collection('task'))
          const status = useSyncStatus(hf)
          if (!tasks || !status) return <p>Opening</p>
          return <p>{tasks.length + ' recorded, ' + status.pending + ' pending'}</p>
        }`,
    },
    build: [['npx', 'next', 'build', bundler]],
    out: 'out',
  };
}
