// The loader of next.jsx: next/image calls it with each width that it may show.
import { pick } from './manifest.js'

export const loader = (manifest, choice) => ({ width }) => pick(manifest, width, choice).url
