// Does the jcamp_dx driver read the same points as jcampconverter, a decoder that has nothing in common with it?
//
//   cd tests/interop && npm install
//   node jcamp_agreement.mjs ../../build/firmware-bridge/dims-bridge FILE...
//
// Compares every point of every curve that both have, x and y. Equal means: to 1e-9 of the largest value of the curve
// (jcampconverter adds up its steps). An x that jcampconverter gives in ppm, where the file has it in Hz, is compared by
// where it stands between the ends. One line a file. A difference is explained where the file itself shows who is right
// (`explained`); exit code 1 if one is not.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

if (!existsSync(new URL('node_modules/jcampconverter', import.meta.url))) {
  console.error('\n*** SKIPPED: jcampconverter is not installed; run "npm install" in tests/interop ***\n');
  process.exit(0);
}
const { convert } = await import('jcampconverter');

const [bridge, ...files] = process.argv.slice(2);
if (!files.length) {
  console.error('usage: node jcamp_agreement.mjs DIMS-BRIDGE FILE...');
  process.exit(2);
}

// Curves of a file by the driver: the exit code 1 says that a report has a problem.
function byDriver(file) {
  let out;
  try {
    out = execFileSync(bridge, ['decode', 'jcamp_dx', file], { maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (error) {
    if (error.status !== 1) throw error;
    out = error.stdout;
  }
  const reports = out.toString().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const curves = reports.flatMap((report) => (report.analyses ?? []).flatMap((analysis) => analysis.spectra ?? []));
  return curves.map(({ x = [], y = [], xUnit = '' }) => ({ x: x.map(Number), y: y.map(Number), xUnit }));
}

function byPeer(file) {
  const bytes = readFileSync(file);
  // It takes one outermost block at a time.
  const text = bytes.toString('latin1');
  const curves = [];
  for (const entry of convert(text, { keepRecordsRegExp: /.*/, noContour: true }).flatten) {
    for (const spectrum of entry.spectra ?? []) {
      if (spectrum.data) curves.push({ x: [...spectrum.data.x], y: [...spectrum.data.y], xUnit: spectrum.xUnits ?? '' });
    }
  }
  return curves;
}

const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function differs(ours, theirs) {
  const scale = Math.max(largest(ours), largest(theirs)) || 1;
  for (let i = 0; i < ours.length; ++i) {
    const equal = Number.isNaN(ours[i]) ? Number.isNaN(theirs[i]) : Math.abs(ours[i] - theirs[i]) <= 1e-9 * scale;
    if (!equal) return `[${i}] ${ours[i]} / ${theirs[i]}`;
  }
  return null;
}

// 0 at the first point, 1 at the last.
function between(x) {
  const first = x[0];
  const span = x.at(-1) - first;
  return x.map((value) => (span === 0 ? 0 : (value - first) / span));
}

function compare(ours, theirs) {
  const found = [];
  let points = 0;
  if (ours.length !== theirs.length) found.push(`${ours.length} curves / ${theirs.length}`);
  for (let i = 0; i < Math.min(ours.length, theirs.length); ++i) {
    const [a, b] = [ours[i], theirs[i]];
    if (a.y.length !== b.y.length) {
      found.push(`curve ${i + 1}: ${a.y.length} points / ${b.y.length}`);
      continue;
    }
    points += a.y.length;
    const y = differs(a.y, b.y);
    if (y) found.push(`curve ${i + 1}: y${y}`);
    const converted = /hz/i.test(a.xUnit) && !/hz/i.test(b.xUnit);
    const x = converted ? differs(between(a.x), between(b.x)) : differs(a.x, b.x);
    if (x) found.push(`curve ${i + 1}: x${x}`);
  }
  return { points, found };
}

// Why a file that differs is read rightly by the driver, by the standard and the file itself; null where nothing says so.
function explained(text, ours, theirs) {
  const reasons = [];
  if (/\(XY[WM]/i.test(text)) reasons.push('jcampconverter reads no (XYW..XYW), (XYM..XYM)');
  if (/^##[XY]FACTOR=[^\n]*\$\$/m.test(text)) reasons.push('jcampconverter reads no factor with a comment behind it');
  const announced = [...text.matchAll(/^## *NPOINTS *= *([0-9]+)/gm)].map((match) => Number(match[1]));
  const counts = (curves) => curves.every(({ y }) => announced.includes(y.length));
  if (announced.length && counts(ours) && !counts(theirs)) reasons.push('the driver has the announced number of points');
  if (announced.length && !counts(ours)) reasons.push('the file has not the announced number of points');
  return reasons.length ? reasons.join('; ') : null;
}

let differing = 0;
let unexplained = 0;
for (const file of files) {
  const ours = byDriver(file);
  let theirs = [];
  let failure = null;
  try {
    theirs = byPeer(file);
  } catch (error) {
    failure = `jcampconverter fails: ${error.message}`;
  }
  const { points, found } = compare(ours, theirs);
  if (failure) found.unshift(failure);
  if (!found.length) {
    console.log(`agrees  ${basename(file)}: ${points} points`);
    continue;
  }
  ++differing;
  const reason = explained(readFileSync(file, 'latin1'), ours, theirs);
  unexplained += reason ? 0 : 1;
  console.log(`differs ${basename(file)}: ${found.slice(0, 4).join('; ')} (${reason ?? 'not explained'})`);
}
console.log(`${files.length - differing} of ${files.length} files agree, ${unexplained} differences are not explained`);
process.exit(unexplained ? 1 : 0);
