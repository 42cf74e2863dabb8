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
