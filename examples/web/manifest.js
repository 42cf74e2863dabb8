// What the other examples share. They know nothing of imgmill but its manifests, whose JSON Schema
// `imgmill config schema --manifest` prints.

/** Fetches the manifest of an upload. base is where browsers find the target bucket. */
export async function loadManifest(base, key) {
  const path = key.split('/').map(encodeURIComponent).join('/')
  const response = await fetch(`${base.replace(/\/$/, '')}/${path}.imgmill.json`)
  if (!response.ok) throw new Error(`manifest of ${key}: ${response.status}`)
  const manifest = await response.json()
  if (manifest.version !== 2) throw new Error(`manifest of ${key}: version ${manifest.version}, want 2`)
  return manifest
}

/** Returns the variants of a set, by name or the first one; of a media type, or the one for every browser. */
export function variantsOf(manifest, { set, type } = {}) {
  const wanted = set ? manifest.sets?.find(s => s.name === set) : manifest.sets?.[0]
  if (!wanted) return manifest.variants.filter(v => !set || v.name === set)
  type ??= wanted.sources.at(-1).type
  return manifest.variants.filter(v => v.set === wanted.name && v.type === type)
}

/** Returns the narrowest variant with at least so many pixels, or the widest. */
export function pick(manifest, width, choice) {
  const variants = variantsOf(manifest, choice).sort((a, b) => a.width - b.width)
  return variants.find(v => v.width >= width) ?? variants.at(-1)
}
