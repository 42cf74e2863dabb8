// The list of pictures. However many there are, only the rows that are seen have elements.

import { $, bytes, clock, count, duration, el, number, reasonOf, saved, t } from './lib.js'
import { all, changed, isDone, isFailed, isWorking, rowOf } from './store.js'

const list = $('list'), canvas = $('canvas')
const height = 64 // of a row, as in the style
const beyond = 6 // rows above and below those that are seen

let shown = [] // what the filter leaves
let filter = 'all', search = ''
let active = null // the key that the arrow keys are at
let selected = null
let open = () => {}
let wanted = false // a frame has been asked for
let rebuild = true // the rows have changed, and not only what is seen of them
let top0 = null // the first key, to notice what has come above

const elements = new Map() // by key
const spare = []

export function setup(onOpen) {
  open = onOpen
  changed.addEventListener('rows', () => { rebuild = true; soon() })
  list.addEventListener('scroll', soon, { passive: true })
  new ResizeObserver(soon).observe(list)
  list.addEventListener('keydown', key)
  canvas.addEventListener('click', event => {
    const row = event.target.closest('.row')
    if (row) choose(row.key)
  })
  list.addEventListener('focus', () => { // what is seen stays where it is: the focus may come from a click
    active ??= shown[Math.ceil(list.scrollTop / height)]?.key ?? null
    soon()
  })
}

export function setFilter(name) { filter = name; list.scrollTop = 0; top0 = null; rebuild = true; soon() }
export function setSearch(text) { search = text.toLowerCase(); list.scrollTop = 0; top0 = null; rebuild = true; soon() }
export const failedKeys = () => all().filter(row => row.state === 'bad' || row.failed > 0 || row.state === 'retry').map(row => row.key)

export function select(key) {
  selected = key
  soon()
}

export function focus() { list.focus() }

function soon() {
  if (wanted) return
  wanted = true
  requestAnimationFrame(draw)
}

const matches = { all: () => true, working: isWorking, done: isDone, failed: isFailed }

function draw() {
  wanted = false
  if (rebuild) refresh()
  const from = Math.max(0, Math.floor(list.scrollTop / height) - beyond)
  const to = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / height) + beyond)
  const seen = new Set()
  for (let i = from; i < to; i++) seen.add(shown[i].key)
  for (const [key, e] of elements) {
    if (!seen.has(key)) {
      elements.delete(key)
      e.remove()
      e.thumb.removeAttribute('src')
      spare.push(e)
    }
  }
  for (let i = from; i < to; i++) {
    const row = shown[i]
    let e = elements.get(row.key)
    if (!e) {
      e = spare.pop() ?? make()
      elements.set(row.key, e)
      canvas.append(e)
      e.key = row.key
      e.drawn = null
    }
    place(e, row, i)
  }
  const at = elements.get(active)
  if (at) list.setAttribute('aria-activedescendant', at.id)
  else list.removeAttribute('aria-activedescendant')
}

// refresh filters the rows. What has come above does not move what is being looked at.
function refresh() {
  rebuild = false
  const everything = all()
  shown = filter === 'all' && !search ? everything
    : everything.filter(row => matches[filter](row) && (!search || row.key.toLowerCase().includes(search)))
  document.body.classList.toggle('fresh', everything.length === 0)
  $('tools').hidden = $('totals').hidden = everything.length === 0
  list.hidden = shown.length === 0
  $('nothing').hidden = everything.length === 0 || shown.length > 0
  canvas.style.height = `${shown.length * height}px`
  if (list.scrollTop > 0 && top0) {
    const now = shown.findIndex(row => row.key === top0)
    if (now > 0) list.scrollTop += now * height
  }
  top0 = shown[0]?.key ?? null
}

let ids = 0

function make() {
  const e = el('div', { class: 'row', role: 'option', id: `row-${++ids}` })
  e.thumb = el('img', { alt: '', width: 44, height: 44, decoding: 'async' })
  e.name = el('bdi')
  e.sub = el('div', { class: 'sub' })
  e.word = el('span', { class: 'word' })
  e.bar = el('i')
  e.sizes = el('div', { class: 'sizes' })
  e.time = el('div', { class: 'time' })
  e.thumb.addEventListener('error', () => e.thumb.removeAttribute('src'))
  e.append(el('span', { class: 'thumb' }, e.thumb), el('div', { class: 'what' }, el('div', { class: 'name' }, e.name), e.sub),
    el('div', { class: 'state' }, e.word, el('span', { class: 'meter' }, e.bar)), e.sizes, e.time)
  return e
}

const portion = { waiting: 0, interrupted: 0, queued: 0.2, read: 0.4, decoded: 0.6, resized: 0.8 }

// place shows a row in an element, if it does not already.
function place(e, row, i) {
  if (e.at !== i) {
    e.at = i
    e.style.transform = `translateY(${i * height}px)`
    e.setAttribute('aria-posinset', i + 1)
  }
  if (e.of !== shown.length) {
    e.of = shown.length
    e.setAttribute('aria-setsize', shown.length)
  }
  const state = `${row.key === selected} ${row.key === active} ${row.loaded ?? ''} ${row.state}`
  if (e.drawn === row && e.state === state) return
  const other = e.drawn !== row
  e.drawn = row
  e.state = state
  e.setAttribute('aria-selected', row.key === selected)
  const working = isWorking(row)
  e.className = `row is-${row.state}${working ? ' busy' : ''}${row.key === active ? ' active' : ''}`
  const done = row.state === 'uploading' ? 0.2 * row.loaded / Math.max(row.bytes, 1) : portion[row.state] ?? 1
  e.bar.style.setProperty('--done', done)
  let word = t(`state_${row.state}`)
  if (row.state === 'done') word = count('variants', row.made ?? 0)
  if (row.state === 'uploading') word = `${word} ${number(Math.round(100 * row.loaded / Math.max(row.bytes, 1)))}%`
  if (e.word.textContent !== word) e.word.textContent = word
  if (!other) return
  const slash = row.key.lastIndexOf('/')
  e.name.textContent = row.key.slice(slash + 1) || row.key
  e.title = row.key
  e.sub.textContent = row.reason && !working ? reasonOf(row.reason) : [row.key.slice(0, slash + 1), row.at ? clock.format(row.at) : ''].filter(Boolean).join(' · ')
  sizes(e, row)
  e.time.textContent = row.ms && !working ? duration(row.ms) : ''
  thumb(e, row)
}

function sizes(e, row) {
  e.sizes.replaceChildren()
  if (!row.bytes) return
  if (row.state !== 'done' || !row.out) return e.sizes.append(bytes(row.bytes))
  const { text, smaller } = saved(row.bytes, row.out)
  e.sizes.append(`${bytes(row.bytes)} → `, el('b', {}, bytes(row.out)))
  // Several variants may well have more bytes than their picture: only of one is that worth a word.
  if (smaller || row.made === 1) e.sizes.append(el('span', { class: smaller ? '' : 'more' }, text))
}

// thumb loads the smallest variant, once the row has stayed for a moment: under load, most rows do not.
function thumb(e, row) {
  const url = row.thumb && row.state === 'done' ? `/target/${row.thumb.split('/').map(encodeURIComponent).join('/')}?${row.etag}-${row.out}` : ''
  clearTimeout(e.timer)
  if (e.url === url && e.thumb.src) return
  e.url = url
  e.thumb.removeAttribute('src')
  if (url) e.timer = setTimeout(() => { if (e.isConnected && e.url === url) e.thumb.src = url }, 250)
}

function choose(key) {
  active = selected = key
  for (const e of elements.values()) e.state = null
  soon()
  open(key)
}

function move(key) {
  active = key
  const i = shown.findIndex(row => row.key === key)
  if (i < 0) return
  if (i * height < list.scrollTop) list.scrollTop = i * height
  else if ((i + 1) * height > list.scrollTop + list.clientHeight) list.scrollTop = (i + 1) * height - list.clientHeight
  soon()
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || shown.length === 0) return
  const at = shown.findIndex(row => row.key === active)
  const page = Math.max(1, Math.floor(list.clientHeight / height) - 1)
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1, PageDown: at + page, PageUp: at - page }[event.key]
  if (to !== undefined) {
    event.preventDefault()
    move(shown[Math.min(Math.max(to, 0), shown.length - 1)].key)
  } else if ((event.key === 'Enter' || event.key === ' ') && rowOf(active)) {
    event.preventDefault()
    choose(active)
  }
}
