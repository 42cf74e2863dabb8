// A provider for Nuxt Image. In nuxt.config.ts, with the manifests that the site shows, by the key of the upload:
//
//   image: {
//     providers: { imgmill: { name: 'imgmill', provider: '~/providers/nuxt-provider.js', options: { manifests } } },
//     screens: { s: 320, m: 640, l: 1280, xl: 2560 },
//   }
//
// and in a page: <NuxtImg provider="imgmill" src="rose.jpg" sizes="50vw" format="webp" />
import { pick } from './manifest.js'

export const getImage = (src, { modifiers = {}, manifests = {} } = {}) => {
  const manifest = manifests[src] ?? manifests[src.replace(/^\//, '')] // Nuxt Image puts a slash before it
  if (!manifest) throw new Error(`there is no manifest of ${src}`)
  const { width = Infinity, format, set } = modifiers
  const type = format && manifest.variants.find(v => v.format === format)?.type
  return { url: pick(manifest, Number(width), { set, type }).url }
}

export default () => ({ getImage })
