// The speed of the driver jcamp_dx beside that of jcampconverter, on the same files and this machine.
//
//   cd tests/interop && npm install
//   node ../bench/jcamp_peer.mjs ../../build/tests/jcamp_bench FILE...
//
// Both warm, one thread each, processor time. The last line weighs all bytes alike.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';

const interop = new URL('../interop/', import.meta.url);
if (!existsSync(new URL('node_modules/jcampconverter', interop))) {
  console.error('\n*** SKIPPED: jcampconverter is not installed; run "npm install" in tests/interop ***\n');
  process.exit(0);
}
const { convert } = await import(
  pathToFileURL(createRequire(new URL('package.json', interop)).resolve('jcampconverter')).href
);

const [bench, ...files] = process.argv.slice(2);
if (!files.length) {
  console.error('usage: node jcamp_peer.mjs JCAMP_BENCH FILE...');
  process.exit(2);
}

const SIZE = 4 << 20; // bytes of each measurement, about
const TIMES = 7; // the best of

// Seconds for one file; null where it is not read.
function peerSeconds(text) {
  const rounds = Math.max(1, Math.floor(SIZE / text.length));
  let best = Infinity;
  try {
    for (let i = 0; i < TIMES; ++i) {
      const begin = process.cpuUsage();
      for (let round = 0; round < rounds; ++round) convert(text, { noContour: true });
      const { user, system } = process.cpuUsage(begin);
      best = Math.min(best, (user + system) / 1e6 / rounds);
    }
  } catch {
    return null;
  }
  return best;
}

let bytes = 0;
let driverTime = 0;
let bareTime = 0;
let peerTime = 0;
for (const file of files) {
  const [, driver, bare] = execFileSync(bench, [file]).toString().trim().split('\t').map(Number);
  const text = readFileSync(file, 'latin1');
  const seconds = peerSeconds(text);
  if (seconds === null || !driver) {
    console.log(`${basename(file)}: not compared`);
    continue;
  }
  const peer = text.length / seconds / 1e6;
  console.log(
    `${basename(file)}: driver ${driver} MB/s, bare loop ${bare} MB/s, jcampconverter ${peer.toFixed(0)} MB/s; ` +
      `${(driver / peer).toFixed(1)} times jcampconverter, ${(driver / bare).toFixed(2)} of the bare loop`,
  );
  bytes += text.length;
  driverTime += text.length / driver;
  bareTime += text.length / bare;
  peerTime += text.length / peer;
}
console.log(
  `all: driver ${(bytes / driverTime).toFixed(0)} MB/s, bare loop ${(bytes / bareTime).toFixed(0)} MB/s, ` +
    `jcampconverter ${(bytes / peerTime).toFixed(0)} MB/s; ${(peerTime / driverTime).toFixed(1)} times jcampconverter, ` +
    `${(bareTime / driverTime).toFixed(2)} of the bare loop`,
);
