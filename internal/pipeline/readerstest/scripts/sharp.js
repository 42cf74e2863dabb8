// Does as pillow.py what sharp reads: sharp.js MODULE FOLDER COUNT EXT, with the folder of the npm
// package.
'use strict';

const fs = require('fs');

const [module_, folder, count, extension] = process.argv.slice(2);
const sharp = require(module_);

(async () => {
  for (let i = 0; i < Number(count); i++) {
    const { data, info } = await sharp(`${folder}/${i}.${extension}`, { animated: true })
      .toColourspace('srgb').ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    const height = info.pageHeight || info.height;
    const size = info.width * height * 4;
    for (let k = 0; k * size < data.length; k++) {
      fs.writeSync(1, `${i} ${k} ${info.width} ${height} RGBA\n`);
      fs.writeSync(1, data, k * size, size);
    }
  }
})();
