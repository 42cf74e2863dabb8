// A transformer for the components of unpic, such as @unpic/react:
//
//   import { Image } from '@unpic/react/base'
//   <Image src={manifest.source.key} transformer={transformer(manifest)} layout="constrained" width={800} height={600} alt="" />
import { pick } from './manifest.js'

export const transformer = (manifest, choice) => (src, { width = Infinity, format } = {}) => {
  const type = format && manifest.variants.find(v => v.format === format)?.type
  return pick(manifest, Number(width), { ...choice, ...(type && { type }) }).url
}
