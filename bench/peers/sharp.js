// Runs sharp as a child process of the bench; ../protocol.go defines the messages. The argument is the
// number of threads.
'use strict';

const fs = require('fs');
const readline = require('readline');
const sharp = require('sharp');

const threads = Number(process.argv[2]);
sharp.concurrency(threads);
sharp.cache(false); // otherwise repetitions would reuse earlier results

// mozjpeg is sharp's name for high effort: trellis quantisation, optimised progressive scans and other
// tables.
function variant(picture, [width, height], { format, quality, lossless, effort, colours }) {
  const options = {
    webp: { quality, lossless, effort: { fast: 2, normal: 4, high: 6 }[effort] },
    png: colours ? { palette: true, colours } : {},
    jpeg: { quality, mozjpeg: effort === 'high' },
  }[format];
  return picture
    .resize(width, height || null, { fit: 'inside', withoutEnlargement: true })
    .toFormat(format, options)
    .toBuffer();
}

function task(input, request) {
  const picture = sharp(input, { animated: request.animated });
  const { boxes } = request;
  if (boxes.length === 1) {
    return variant(picture, boxes[0], request).then((file) => [file]);
  }
  return Promise.all(boxes.map((box) => variant(picture.clone(), box, request)));
}

let loaded = { file: '', data: null };

async function answer(request) {
  const { file, reps, keep, stream } = request;
  if (!stream && loaded.file !== file) {
    loaded = { file, data: fs.readFileSync(file) };
  }
  const input = stream ? file : loaded.data;
  let files = [];
  const used = process.cpuUsage();
  const start = process.hrtime.bigint();
  for (let i = 0; i < reps; i++) {
    files = await task(input, request);
  }
  const ns = Number(process.hrtime.bigint() - start);
  const { user, system } = process.cpuUsage(used);
  return { ns, cpu: 1000 * (user + system), files: keep ? files.map((f) => f.toString('base64')) : [] };
}

function say(value) {
  process.stdout.write(JSON.stringify(value) + '\n');
}

async function main() {
  const { vips, sharp: version } = sharp.versions;
  say({ version: `${version} (libvips ${vips}, node ${process.versions.node})` });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    say(await answer(JSON.parse(line)).catch((err) => ({ error: String(err) })));
  }
}

main();
