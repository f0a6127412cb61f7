// What a Node.js program expects of the image, in one run. Prints `ok`, or what went wrong.
//
// Arguments: the release that Node.js must be of, an N-API add-on or `-`, and the address of a server
// that an authority of the test's own vouches for, or none.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import { spawnSync } from "node:child_process";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import crypto from "node:crypto";
import zlib from "node:zlib";

const require = createRequire(import.meta.url);

async function served() {
  const server = http.createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (part) => (body += part));
    request.on("end", () => response.end(JSON.stringify({ body, path: request.url })));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const address = `http://127.0.0.1:${server.address().port}`;
  // fetch is undici's, which Debian keeps in a file of its own.
  const answer = await fetch(`${address}/grüße`, { method: "POST", body: "hällo" });
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { body: "hällo", path: "/gr%C3%BC%C3%9Fe" });
  // The older client is part of libnode.
  const text = await new Promise((done, failed) => {
    http.get(`${address}/x`, (response) => {
      let all = "";
      response.on("data", (part) => (all += part));
      response.on("end", () => done(all));
    }).on("error", failed);
  });
  assert.equal(JSON.parse(text).path, "/x");
  const form = new FormData();
  form.append("file", new Blob(["x".repeat(100000)]), "name");
  const sent = await fetch(address, { method: "POST", body: form });
  assert.ok((await sent.json()).body.length > 100000);
  server.closeAllConnections();
  server.close();
}

function trusted(address) {
  // With an environment of nothing at all, by both clients; and whoever trusts others alone must refuse.
  const script = `(async () => {
    const https = require("node:https");
    const get = (options) => new Promise((done, failed) => https.get("${address}", options, done).on("error", failed));
    const page = await (await fetch("${address}")).text();
    (await get({})).resume();
    const { rootCertificates } = require("node:tls");
    const refused = await get({ ca: rootCertificates }).then(() => "trusted", (error) => error.code);
    console.log(Object.keys(process.env).length, page.includes("s_server"), refused);
  })()`;
  const ran = spawnSync(process.execPath, ["-e", script], { env: {}, encoding: "utf8" });
  assert.match(ran.stdout, /^0 true (UNABLE_TO|SELF_SIGNED)/, ran.stderr);
}

async function worked() {
  const worker = new Worker(new URL(import.meta.url), { workerData: [1, 2, 3], argv: process.argv.slice(2) });
  const sum = await new Promise((done, failed) => {
    worker.on("message", done);
    worker.on("error", failed);
  });
  assert.equal(sum, 6);
}

function international() {
  const day = new Date(Date.UTC(2024, 1, 29, 12));
  const said = (language, zone) =>
    new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short", timeZone: zone }).format(day);
  assert.match(said("de-DE", "Europe/Berlin"), /^Donnerstag, 29\. Februar 2024 um 13:00$/);
  assert.match(said("ja-JP", "Asia/Tokyo"), /^2024年2月29日木曜日/);
  assert.equal(new Intl.NumberFormat("hi-IN").format(12345678), "1,23,45,678");
  assert.deepEqual(["z", "ä", "a"].sort(new Intl.Collator("sv").compare), ["a", "z", "ä"]);
  assert.equal("İ".toLocaleLowerCase("tr"), "i");
  assert.equal([...new Intl.Segmenter("th", { granularity: "word" }).segment("สวัสดีชาวโลก")].length, 3);
  assert.equal(new TextDecoder("shift_jis").decode(Uint8Array.of(0x93, 0xfa)), "日");
}

async function assembled() {
  // (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
  const bytes = Buffer.from("0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b", "hex");
  const { instance } = await WebAssembly.instantiate(bytes);
  assert.equal(instance.exports.add(40, 2), 42);
}

async function modules(addon) {
  // A CommonJS module's names are found by cjs-module-lexer.
  const path = `${os.tmpdir()}/ü-${process.pid}.cjs`;
  fs.writeFileSync(path, "exports.answer = 42;\n");
  const { answer } = await import(path);
  assert.equal(answer, 42);
  fs.unlinkSync(path);
  if (addon !== "-") assert.equal(require(addon).hello, "from the add-on");
  const [major] = process.versions.node.split(".").map(Number);
  if (major >= 20) {
    // In Debian's 20 it is minimatch's.
    process.removeAllListeners("warning"); // that it is experimental
    assert.ok(require("node:path").matchesGlob("/a/b.js", "/a/*.js"));
  }
}

async function main() {
  const [release, addon, address] = process.argv.slice(2);
  assert.equal(process.versions.node.split(".")[0], release);
  assert.equal(process.execPath, "/usr/bin/node");
  await served();
  await worked();
  international();
  await assembled();
  await modules(addon);
  if (address) trusted(address);
  assert.equal(crypto.createHash("sha256").update("").digest("hex").slice(0, 8), "e3b0c442");
  assert.ok(crypto.generateKeyPairSync("ed25519").privateKey);
  assert.equal(zlib.brotliDecompressSync(zlib.brotliCompressSync("ü")).toString(), "ü");
  // The REPL reads with acorn.
  const repl = spawnSync(process.execPath, ["-i"], { input: "await Promise.resolve(6 * 7)\n", encoding: "utf8" });
  assert.match(repl.stdout, /42/);
  // There is nothing to run but Node.js.
  for (const gone of ["npm", "npx", "corepack", "yarn"]) {
    assert.equal(spawnSync(gone, ["--version"]).error?.code, "ENOENT", gone);
  }
  // By its path: the debug variant has one elsewhere.
  assert.equal(spawnSync("true", { shell: "/bin/sh" }).error?.code, "ENOENT");
  assert.ok(!fs.existsSync("/usr/include/node"));
  console.log("ok");
}

if (isMainThread) {
  await main();
} else {
  parentPort.postMessage(workerData.reduce((sum, one) => sum + one));
}
