// Makes the files of the rows for other formats from a photograph: make.js PHOTOGRAPH FOLDER.
'use strict';

const fs = require('fs');
const path = require('path');
const sharp = require('sharp');

const [photograph, folder] = process.argv.slice(2);
const at = (width, height) => sharp(photograph).resize(width, height, { fit: 'fill' });
const large = () => at(6000, 4000); // 24 megapixels
const photo = () => sharp(photograph);

// 100 frames: the photograph stands still, and a part of it a third as large moves across.
async function animation(width, height) {
  const whole = await at(width, height).png().toBuffer();
  const part = await at(Math.floor(width / 3), Math.floor(height / 3)).png().toBuffer();
  const frames = Array.from({ length: 100 }, (_, i) => {
    const left = Math.floor(width / 3 + (width / 3) * Math.sin(i / 16));
    const top = Math.floor(height / 3 + (height / 3) * Math.cos(i / 11));
    return sharp(whole).composite([{ input: part, left, top }]).png().toBuffer();
  });
  return sharp(await Promise.all(frames), { join: { animated: true } }).gif({ delay: Array(100).fill(40), loop: 0 });
}

// A chart as programs draw it: bars, lines, a grid and text.
function chart() {
  const colours = ['#4e79a7', '#f28e2b', '#e15759', '#76b7b2', '#59a14f', '#edc948', '#b07aa1', '#ff9da7'];
  const parts = [];
  for (let i = 0; i <= 10; i++) {
    parts.push(`<path d="M90 ${80 + i * 80}H1480" stroke="#ddd"/><text x="40" y="${86 + i * 80}">${100 - i * 10}</text>`);
  }
  for (let i = 0; i < 24; i++) {
    for (let k = 0, y = 880; k < 5; k++) {
      const height = 60 + 40 * Math.sin(i * (k + 1));
      y -= height;
      parts.push(`<rect x="${100 + i * 57}" y="${y}" width="42" height="${height}" fill="${colours[k]}"/>`);
    }
    parts.push(`<text x="${104 + i * 57}" y="910">${i}:00</text>`);
  }
  for (let k = 5; k < 8; k++) {
    const line = Array.from({ length: 120 }, (_, i) => `${100 + i * 11.5},${200 + k * 50 + 60 * Math.sin(i / 7 + k) + 10 * Math.sin(i * k)}`);
    parts.push(`<polyline points="${line.join(' ')}" fill="none" stroke="${colours[k]}" stroke-width="3"/>`);
  }
  return sharp(Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="760" height="500" viewBox="0 0 1520 1000"
    font-family="sans-serif" font-size="18"><rect width="1520" height="1000" fill="#fff"/>${parts.join('')}</svg>`)).flatten();
}

const jpeg = { quality: 90, chromaSubsampling: '4:2:0' };

const files = {
  'rgb-24mp.png': () => large().png({ compressionLevel: 6 }),
  'palette-24mp.png': () => large().png({ palette: true, colours: 256 }),
  '16bit-24mp.png': () => large().toColourspace('rgb16').png({ compressionLevel: 6 }),
  'rgb-24mp.tif': () => large().tiff({ compression: 'none' }),
  'lzw-24mp.tif': () => large().tiff({ compression: 'lzw', predictor: 'horizontal' }),
  'palette-6mp.gif': () => at(3000, 2000).gif(),
  'lossy-12mp.webp': () => at(4000, 3000).webp({ quality: 80 }),
  'lossless-12mp.webp': () => at(4000, 3000).webp({ lossless: true, effort: 3 }),
  'p3-12mp.jpg': () => photo().withIccProfile('p3').jpeg(jpeg),
  'chart-760x500.png': () => chart().png(),
  'photo-1600x1200.tif': () => at(1600, 1200).tiff({ compression: 'none' }),
  'animation-480x270.gif': () => animation(480, 270),
  'animation-240x135.gif': () => animation(240, 135),
  'cmyk-12mp.jpg': () => photo().toColourspace('cmyk').withIccProfile('cmyk').jpeg(jpeg),
};

(async () => {
  for (const [name, make] of Object.entries(files)) {
    const target = path.join(folder, name);
    if (fs.existsSync(target)) {
      continue;
    }
    await (await make()).toFile(target + '.part');
    fs.renameSync(target + '.part', target);
  }
})();
