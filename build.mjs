// Builds huntaze/static/src into huntaze/static/dist: bundled, minified, fingerprinted and precompressed,
// with a manifest.json that tells the fingerprinted name of each file. `make build` runs it.
//
//   src/app.js, src/app.css   what every page loads
//   src/pages/*.js            what only one page loads
//   src/sw.js                 the service worker, which is told how this build named its files
//   src/*.svg                 icons: copied, and drawn as PNG for where a phone keeps its apps
//
// Two folders may be given instead: `node build.mjs SRC DIST`.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import * as esbuild from "esbuild";

const [src = "huntaze/static/src", dist = "huntaze/static/dist"] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const PNG_SIZES = [192, 512]; // what Chrome asks of an app that can be installed; iOS scales the first one

// The last two years of the three browsers (DESIGN §8); older ones get the pages without JavaScript.
const target = ["chrome131", "safari18", "firefox132"];

// htmx goes into app.js as its package minified it: 12,001 bytes in brotli, against 12,296 when esbuild minifies
// the package's ESM source and 12,296 when it bundles the package's esm.min.js (htmx 4.0.1, esbuild 0.28.2).
const htmx = readFileSync(require.resolve("htmx.org/dist/htmx.min.js"), "utf8")
  .replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "");

const htmxFromWindow = {
  name: "htmx-from-window",
  setup(build) {
    build.onResolve({ filter: /^htmx\.org$/ }, () => ({ path: "htmx.org", namespace: "window" }));
    build.onLoad({ filter: /.*/, namespace: "window" }, () => ({ contents: "export default window.htmx" }));
  },
};

async function bundle(path, define = {}) {
  const script = path.endsWith(".js");
  const result = await esbuild.build({
    entryPoints: [path],
    bundle: true,
    minify: true,
    write: false,
    target,
    define,
    format: script ? "iife" : undefined,
    plugins: [htmxFromWindow],
    loader: { ".svg": "dataurl" },
    nodePaths: [join(import.meta.dirname, "node_modules")], // the sources may lie elsewhere
    legalComments: "none",
    logLevel: "warning",
  });
  const built = Buffer.from(result.outputFiles[0].contents);
  return basename(path) === "app.js" ? Buffer.concat([Buffer.from(`${htmx}\nwindow.htmx=htmx;`), built]) : built;
}

function* bundled() {
  for (const name of ["app.js", "app.css"]) if (existsSync(join(src, name))) yield name;
  const pages = join(src, "pages");
  for (const name of existsSync(pages) ? readdirSync(pages) : []) if (name.endsWith(".js")) yield `pages/${name}`;
}

// The whole square is filled, since each phone cuts its own shape out of it; the drawing keeps to the middle.
function draw(svg, size) {
  const square = svg.toString().replace(/ rx="\d+"/, "");
  return Buffer.from(new Resvg(square, { fitTo: { mode: "width", value: size } }).render().asPng());
}

function write(name, content) {
  const compressed = {
    ".br": brotliCompressSync(content, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
    }),
    ".gz": gzipSync(content, { level: 9 }),
  };
  writeFileSync(join(dist, name), content);
  for (const [extension, bytes] of Object.entries(compressed)) {
    if (bytes.length < content.length) writeFileSync(join(dist, name + extension), bytes);
  }
  console.log(`${name.padEnd(28)} ${String(content.length).padStart(7)} bytes, brotli ${compressed[".br"].length}`);
}

const built = [];
function add(name, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 10);
  const extension = extname(name);
  built.push({ name, content, fingerprinted: `${basename(name, extension)}-${hash}${extension}` });
}

for (const name of bundled()) add(name, await bundle(join(src, name)));
await initWasm(readFileSync(require.resolve("@resvg/resvg-wasm/index_bg.wasm")));
for (const name of readdirSync(src).filter((name) => name.endsWith(".svg"))) {
  const svg = readFileSync(join(src, name));
  add(name, svg);
  for (const size of PNG_SIZES) add(`${basename(name, ".svg")}-${size}.png`, draw(svg, size));
}
// Last, with the names of what every page loads: so a new build is a new worker.
const shell = built.filter(({ name }) => ["app.js", "app.css"].includes(name)).map(({ fingerprinted }) => fingerprinted);
const SHELL = JSON.stringify(shell.map((name) => `/static/${name}`));
add("sw.js", await bundle(join(src, "sw.js"), { SHELL }));

// Everything was built without an error: only now does the earlier build go away. The manifest comes last.
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
for (const { fingerprinted, content } of built) write(fingerprinted, content);
const manifest = Object.fromEntries(built.map(({ name, fingerprinted }) => [name, fingerprinted]));
writeFileSync(join(dist, "manifest.json.new"), `${JSON.stringify(manifest, null, 2)}\n`);
renameSync(join(dist, "manifest.json.new"), join(dist, "manifest.json"));
