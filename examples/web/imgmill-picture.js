// <imgmill-picture base="https://images.example.com" picture="rose.jpg"></imgmill-picture>
//
// Shows an upload by its manifest: every format and width of a set, in front of its dominant colour, with its alternate text.
// Attributes: base (default: the page's own origin); picture, the key of the upload; and, if the manifest is not to decide, set,
// alt and sizes. The events load and error are those of the picture.
import { loadManifest, variantsOf } from './manifest.js'

class ImgmillPicture extends HTMLElement {
  async connectedCallback() {
    try {
      this.replaceChildren(this.picture(await loadManifest(this.getAttribute('base') ?? '', this.getAttribute('picture'))))
    } catch (error) {
      console.error(error)
      this.dispatchEvent(new Event('error'))
    }
  }

  picture(manifest) {
    const name = this.getAttribute('set')
    const set = name ? manifest.sets?.find(s => s.name === name) : manifest.sets?.[0]
    if (!set) throw new Error(`the manifest has no set ${name ?? ''}`)
    const sizes = this.getAttribute('sizes') ?? set.sizes
    const widest = variantsOf(manifest, { set: set.name }).reduce((a, b) => (a.width >= b.width ? a : b))
    const picture = document.createElement('picture')
    for (const { type, srcset } of set.sources.slice(0, -1)) {
      const source = document.createElement('source')
      Object.assign(source, { type, srcset })
      if (sizes) source.sizes = sizes
      picture.append(source)
    }
    const img = document.createElement('img')
    img.alt = this.getAttribute('alt') ?? manifest.alt ?? ''
    Object.assign(img, { decoding: 'async', width: widest.width, height: widest.height })
    img.style.cssText = `max-width: 100%; height: auto; background-color: ${manifest.placeholder?.color ?? 'transparent'}`
    for (const event of ['load', 'error']) img.addEventListener(event, () => this.dispatchEvent(new Event(event)))
    picture.append(img)
    if (sizes) img.sizes = sizes
    img.srcset = set.sources.at(-1).srcset // last: it starts the download
    return picture
  }
}

customElements.define('imgmill-picture', ImgmillPicture)
