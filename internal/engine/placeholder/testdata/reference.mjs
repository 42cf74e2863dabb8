// Prints cases for placeholder_test.go: what the reference implementations on npm, thumbhash by Evan Wallace and blurhash by
// Wolt, make of pictures that the test draws as this script does. The argument is the number of cases.
import { rgbaToThumbHash } from 'thumbhash'
import { encode } from 'blurhash'

// draw returns a w×h picture, by the kind: noise, a gradient, blocks, one colour, or noise with transparency.
function draw(w, h, kind, seed) {
  let state = seed >>> 0 || 1
  const random = () => {
    state ^= state << 13; state >>>= 0
    state ^= state >>> 17
    state ^= state << 5; state >>>= 0
    return state
  }
  const rgba = new Uint8ClampedArray(4 * w * h)
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const at = 4 * (y * w + x)
      for (let c = 0; c < 4; c++) {
        let v = random() & 255
        if (c === 3 && kind !== 4) v = 255
        else if (kind === 1) v = (x * (seed % 5 + 1) + y * (seed % 7) + 60 * c) & 255
        else if (kind === 2) v = ((x >> 4) * 97 + (y >> 3) * 41 + 71 * c + seed) & 255
        else if (kind === 3) v = (seed * (c + 3)) & 255
        rgba[at + c] = v
      }
    }
  }
  return rgba
}

// blurhash on npm takes the largest component for the scale, where Wolt's C code takes the largest magnitude; a picture that
// brightens to the right becomes gray (findings/npm-blurhash-grays-what-brightens.sh). What is compared has the C code's scale.
function encodeBlurHash(...args) {
  const { max } = Math
  Math.max = (...values) => max(...values.map(Math.abs))
  try {
    return encode(...args)
  } finally {
    Math.max = max
  }
}

const cases = Number(process.argv[2])
let state = 12345
const next = n => (state = (state * 1103515245 + 12345) % 2147483648) >> 8 ? state % 65537 % n : 0
for (let i = 0; i < cases; i++) {
  const [w, h, kind, seed] = [1 + next(100), 1 + next(100), i % 5, 1 + next(65536)]
  const rgba = draw(w, h, kind, seed)
  const [nx, ny] = [1 + next(9), 1 + next(9)]
  const line = { width: w, height: h, kind, seed, thumbhash: Buffer.from(rgbaToThumbHash(w, h, rgba)).toString('base64') }
  if (kind !== 4) Object.assign(line, { nx, ny, blurhash: encodeBlurHash(rgba, w, h, nx, ny) })
  console.log(JSON.stringify(line))
}
