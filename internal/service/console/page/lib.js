// Texts in the language of the page, numbers as its readers write them, and requests.

export const texts = JSON.parse(document.getElementById('texts').textContent)
export const language = document.documentElement.lang

// t returns a text with values in its places.
export function t(name, values = {}) {
  return (texts[name] ?? name).replace(/\{(\w+)\}/g, (place, value) => values[value] ?? place)
}

const literal = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

// reasons are texts for what the server says in English, each by a sentence whose places stand for numbers or for anything. What may
// follow any other reason is looked for first.
const reasons = Object.entries(texts).filter(([name]) => name.startsWith('reason: ')).map(([name, text]) => {
  const parts = name.slice('reason: '.length).split(/\{(\w+)\}/) // places are every second one
  const place = name => ['n', 'limit', 'offset'].includes(name) ? '(\\d+)' : '([^]+)'
  return { text, places: parts.filter((_, i) => i % 2), pattern: new RegExp(`^${parts.map((part, i) => i % 2 ? place(part) : literal(part)).join('')}$`) }
}).sort((a, b) => b.places.includes('reason') - a.places.includes('reason'))

// reasonOf returns a reason of the server in the language of the page, as far as it has a text for it.
export function reasonOf(english) {
  for (const { text, places, pattern } of reasons) {
    const values = english.match(pattern)
    if (values) return text.replace(/\{(\w+)\}/g, (place, name) => reasonOf(values[places.indexOf(name) + 1]))
  }
  return english
}

const plurals = new Intl.PluralRules(language)

// count returns the text for a number of things.
export function count(name, n, values = {}) {
  const form = `${name}_${plurals.select(n)}`
  return t(form in texts ? form : `${name}_other`, { n: number(n), ...values })
}

const whole = new Intl.NumberFormat(language)
const short = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 })

export const number = n => whole.format(n)

// bytes returns a size in decimal units, as the terminal does.
export function bytes(n) {
  for (const [size, unit] of [[1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB']]) {
    if (n >= size) return `${short.format(n / size)} ${unit}`
  }
  return `${whole.format(n)} B`
}

export function duration(ms) {
  if (ms >= 1000) return t('s', { n: short.format(ms / 1000) })
  return t('ms', { n: whole.format(Math.round(ms)) })
}

// durations returns two of them with one unit.
export function durations(a, b) {
  if (b >= 1000) return t('s', { n: `${short.format(a / 1000)} / ${short.format(b / 1000)}` })
  return t('ms', { n: `${whole.format(Math.round(a))} / ${whole.format(Math.round(b))}` })
}

// saved returns how much smaller or larger something became, and whether it is smaller.
export function saved(before, after) {
  const exact = before ? (1 - after / before) * 100 : 0
  const percent = exact > 99 && exact < 100 ? short.format(Math.floor(exact * 10) / 10) : whole.format(Math.round(Math.abs(exact)))
  return { smaller: exact >= 0, percent, text: t(exact >= 0 ? 'smaller' : 'larger', { n: percent }) }
}

export const formatName = name => ({ jpeg: 'JPEG', png: 'PNG', gif: 'GIF', webp: 'WebP', heic: 'HEIC', tiff: 'TIFF' })[name] ?? name.toUpperCase()

export const pixels = (w, h) => `${w}×${h}`

// Times of the day are short, and the same for everybody.
export const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })

export const $ = id => document.getElementById(id)

// el makes an element. Attributes that are functions listen; text is never read as HTML.
export function el(name, attributes = {}, ...children) {
  const e = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') e.addEventListener(key, value)
    else if (key === 'class') e.className = value
    else if (value === true) e.setAttribute(key, '')
    else if (value !== false && value != null) e.setAttribute(key, value)
  }
  e.append(...children.filter(c => c != null && c !== false))
  return e
}

// request sends JSON and returns what the console answers. An error has the status, and the answer as its data.
export async function request(method, path, body, options = {}) {
  const answer = await fetch(path, {
    method, body: body === undefined ? undefined : JSON.stringify(body), headers: body === undefined ? {} : { 'Content-Type': 'application/json' }, ...options,
  })
  const text = await answer.text()
  const data = answer.headers.get('Content-Type')?.startsWith('application/json') && text ? JSON.parse(text) : text.trim()
  if (!answer.ok) throw Object.assign(new Error(typeof data === 'string' ? data : answer.statusText), { status: answer.status, data })
  return data
}

let toastTimer

// toast shows a text for a while.
export function toast(text) {
  $('toast').textContent = text
  clearTimeout(toastTimer)
  toastTimer = setTimeout(() => { $('toast').textContent = '' }, 5000)
}

export const failed = error => toast(t('failed_request', { reason: error.message }))

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    toast(t('copied'))
  } catch {
    toast(t('copy_fails'))
  }
}
