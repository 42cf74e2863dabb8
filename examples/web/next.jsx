'use client'
// Next.js: the optimizer is not asked, because the variants are there. A page or a server component loads the manifest, and
// passes it on:
//
//   const manifest = await loadManifest('https://images.example.com', 'rose.jpg')
//   return <ImgmillImage manifest={manifest} sizes="50vw" />
//
// Next.js makes a srcset of its own widths (images.deviceSizes in next.config.js): list those of the recipe there.
import Image from 'next/image'
import { loader } from './next-loader.js'
import { pick } from './manifest.js'

export function ImgmillImage({ manifest, set, ...props }) {
  const { width, height } = pick(manifest, Infinity, { set })
  return (
    <Image
      loader={loader(manifest, { set })}
      src={manifest.source.key}
      alt={manifest.alt ?? ''}
      width={width}
      height={height}
      style={{ backgroundColor: manifest.placeholder?.color, maxWidth: '100%', height: 'auto' }}
      {...props}
    />
  )
}
