// One picture: how far it is, its variants beside the original, and what to do if it failed.

import { $, bytes, clock, copy, duration, el, failed, formatName, language, number, pixels, reasonOf, request, saved, t } from './lib.js'
import { slide } from './slider.js'
import { changed, isWorking, rowOf, rows } from './store.js'
import { again } from './upload.js'

const panel = $('detail')
let key = null // of the picture that is shown
let variant = '' // the name of the variant that is compared
let drawn = '' // what is shown, so that it is not drawn again without need
let onClose = () => {}
let asked = 0

export function setup(close) {
  onClose = close
  changed.addEventListener('row', event => { if (event.detail === key) update() })
  changed.addEventListener('rows', () => { if (key !== null && !rows.has(key)) update() })
  panel.addEventListener('keydown', event => { if (event.key === 'Escape') onClose() })
}

export const shownKey = () => key

export function show(of) {
  const other = key !== of
  key = of
  if (other) variant = drawn = ''
  panel.hidden = false
  return update()
}

export function refresh() {
  drawn = ''
  if (key !== null) update()
}

export function hide() {
  key = null
  panel.hidden = true
  panel.replaceChildren()
  drawn = ''
}

async function update() {
  const row = rowOf(key)
  if (!row) return
  const mark = JSON.stringify([row.id, row.state, row.ms, row.etag, row.key, row.out])
  if (mark === drawn) return
  drawn = mark
  const ask = ++asked
  if (!rows.has(row.key) || row.file !== undefined) return draw(local(row))
  try {
    const detail = await request('GET', `/api/picture?key=${encodeURIComponent(row.key)}`)
    if (ask === asked && key !== null) draw(detail)
  } catch (error) {
    if (ask === asked) drawn = ''
    failed(error)
  }
}

// local is an upload that the server does not know of yet, in the form of its details.
const local = upload => ({ key: upload.key, state: upload.state, at: upload.at, bytes: upload.bytes, times: {}, variants: [], snippets: [], reason: upload.state === 'failed' ? upload.reason : '', advice: 'upload', upload })

function draw(d) {
  const focused = panel.contains(document.activeElement) ? document.activeElement.id : null
  const scrolled = panel.querySelector('.panel-body')?.scrollTop ?? 0
  const slash = d.key.lastIndexOf('/')
  const title = el('h2', { id: 'detail-title', tabindex: -1 }, el('bdi', {}, d.key.slice(slash + 1) || d.key))
  const body = el('div', { class: 'panel-body' })
  const facts = [d.format && formatName(d.format), d.w && pixels(d.w, d.h), d.bytes && bytes(d.bytes),
    d.at && t('uploaded', { time: when.format(d.at) }), d.ms && !isWorking(d) && t('took', { time: duration(d.ms) })]
  body.append(el('p', { class: 'meta' }, facts.filter(Boolean).join(' · ')))
  if (d.reason && !isWorking(d)) body.append(failure(d))
  if (d.state !== 'removed' && d.state !== 'skipped' && d.state !== 'failed') body.append(steps(d))
  if (d.variants.length > 0 && d.state !== 'removed') body.append(...variants(d))
  if (d.url && d.state !== 'removed') body.append(el('p', { class: 'meta' }, el('a', { href: d.url, target: '_blank', rel: 'noopener' }, t(d.shows ? 'original_open' : 'original_save'))))
  panel.replaceChildren(
    el('div', { class: 'panel-head' }, el('div', {}, title, slash > 0 && el('p', { class: 'meta' }, el('bdi', {}, d.key.slice(0, slash + 1)))),
      el('button', { type: 'button', class: 'close', id: 'close-detail', 'aria-label': t('close'), click: () => onClose() }, '×')),
    body)
  body.scrollTop = scrolled
  if (focused !== null) (focused && $(focused) || title).focus()
}

const when = new Intl.DateTimeFormat(language, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })

function steps(d) {
  const order = ['queued', 'read', 'decoded', 'resized', 'written']
  const times = { ...d.times }
  if (d.state !== 'waiting' && d.state !== 'uploading' && d.state !== 'interrupted') times.queued = 0
  let last = 0
  order.forEach((name, i) => { if (times[name] !== undefined) last = i })
  const list = el('ol', { class: 'steps' })
  order.forEach((name, i) => {
    const reached = i === 4 ? d.state === 'done' : times[name] !== undefined
    list.append(el('li', { class: `${reached ? 'reached' : ''}${reached && i < last ? ' through' : ''}` },
      el('b', {}, t(`step_${name}`)), reached ? (i === 0 ? clock.format(d.at) : `+${duration(times[name])}`) : ''))
  })
  return list
}

function failure(d) {
  const calm = d.state === 'skipped'
  const reason = reasonOf(d.reason)
  const box = el('div', { class: `failure${calm ? ' calm' : ''}` },
    el('h3', {}, t(calm ? 'why_skipped' : 'why')), el('p', { class: 'reason', lang: reason === d.reason ? 'en' : language }, reason))
  if (d.failed?.length) box.append(el('p', {}, t('not_made', { what: d.failed.map(f => f.name).join(', ') })))
  if (d.advice) box.append(el('p', {}, t(`advice_${d.advice}`)))
  if (d.upload) box.append(el('button', { type: 'button', id: 'again', click: () => again(d.upload) }, t('upload_again')))
  else {
    box.append(el('button', {
      type: 'button', id: 'again',
      click: event => {
        event.target.disabled = true
        request('POST', '/api/retry', [d.key]).catch(failed)
      },
    }, t('retry')))
  }
  return box
}

function variants(d) {
  if (!d.variants.some(v => v.name === variant)) variant = fitting(d.variants).name
  const tabs = el('div', { class: 'tabs', role: 'tablist', 'aria-label': t('variants') })
  const view = el('div', { class: 'compare', role: 'tabpanel', id: 'compare', 'aria-labelledby': 'tab-0' })
  const choose = (i, focus) => {
    variant = d.variants[i].name
    ;[...tabs.children].forEach((tab, n) => {
      tab.setAttribute('aria-selected', n === i)
      tab.tabIndex = n === i ? 0 : -1
      if (n === i && focus) tab.focus()
    })
    view.setAttribute('aria-labelledby', `tab-${i}`)
    view.replaceChildren(...compare(d, d.variants[i]))
  }
  d.variants.forEach((v, i) => {
    tabs.append(el('button', { type: 'button', role: 'tab', id: `tab-${i}`, 'aria-controls': 'compare', click: () => choose(i) },
      el('span', {}, v.set || v.name), el('small', {}, `${pixels(v.w, v.h)} ${formatName(v.format)} · ${bytes(v.bytes)}`)))
  })
  tabs.addEventListener('keydown', event => {
    const at = [...tabs.children].findIndex(tab => tab.tabIndex === 0)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: d.variants.length - 1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    choose((to + d.variants.length) % d.variants.length, true)
  })
  choose(d.variants.findIndex(v => v.name === variant), false)
  return [tabs, view]
}

// fitting returns the variant that fills the panel best.
function fitting(all) {
  const room = (panel.clientWidth - 40) * (window.devicePixelRatio || 1)
  const off = v => Math.abs(Math.log(v.w / room)) + (v.shows ? 0 : 9)
  return all.reduce((best, v) => off(v) < off(best) ? v : best)
}

// compare shows a variant at its true size with the original over it, up to a slider.
function compare(d, v) {
  const parts = []
  if (!v.shows) parts.push(el('p', { class: 'hint' }, t('no_compare')))
  else {
    const stage = el('div', { class: 'stage waits' })
    const after = el('img', { class: 'after', alt: '', src: `${v.view}?${d.etag}-${v.bytes}` })
    const ratio = window.devicePixelRatio || 1
    stage.style.setProperty('--w', `${v.w / ratio}px`)
    stage.style.setProperty('--h', `${v.h / ratio}px`)
    stage.append(after)
    const note = el('span', { role: 'status' })
    if (v.before) {
      const before = el('img', { alt: '', src: v.before })
      note.textContent = t('loading')
      before.addEventListener('load', () => { stage.classList.remove('waits'); note.textContent = '' })
      before.addEventListener('error', () => { note.textContent = t('no_compare') })
      slide(stage, before, t('compare'))
    } else note.textContent = t('stale')
    const frame = el('div', { class: 'frame', tabindex: v.w > 300 ? 0 : false, role: 'group', 'aria-label': `${v.set || v.name}: ${t('true_size')}` }, stage)
    parts.push(frame, el('div', { class: 'labels' }, el('span', {}, t('original')), note, el('span', {}, `${v.set || v.name} · ${formatName(v.format)}`)))
  }
  parts.push(el('h3', {}, t('made')), facts(d, v))
  const snippet = d.snippets.find(s => s.name === (v.set || v.name))
  parts.push(el('div', { class: 'actions' },
    el('button', { type: 'button', id: 'copy-key', click: () => copy(v.key) }, t('copy_key')),
    el('button', { type: 'button', id: 'copy-url', click: () => copy(new URL(v.url, location).href) }, t('copy_url')),
    snippet && el('button', { type: 'button', id: 'copy-html', click: () => copy(snippet.html) }, t('copy_html')),
    el('a', { class: 'button', href: v.view, target: '_blank', rel: 'noopener' }, t('variant_open'))))
  if (snippet) parts.push(el('pre', { class: 'snippet', tabindex: 0, 'aria-label': 'HTML' }, snippet.html))
  return parts
}

function facts(d, v) {
  const to = pixels(v.w, v.h)
  const list = []
  if (d.w === v.w && d.h === v.h) list.push(t('made_same', { to }))
  else list.push(t('made_scaled', { from: pixels(d.w, d.h), to, percent: number(Math.round(100 * Math.max(v.w / d.w, v.h / d.h))) }))
  const sameShape = Math.abs(d.w / d.h - v.w / v.h) < 0.02 * (v.w / v.h)
  if (!sameShape && ['cover', 'contain', 'fill'].includes(v.fit)) list.push(t(`made_${v.fit}`, { to }))
  list.push(d.format === v.format ? t('made_format_same', { to: formatName(v.format) }) : t('made_format', { from: formatName(d.format), to: formatName(v.format) }))
  const { smaller, percent } = saved(d.bytes, v.bytes)
  list.push(t(smaller ? 'made_smaller' : 'made_larger', { from: bytes(d.bytes), to: bytes(v.bytes), percent }))
  if (!v.settings.some(([name]) => name === 'metadata' || name === 'colour')) list.push(t('made_private'))
  for (const [name, value] of v.settings) list.push(t('made_setting', { name, value }))
  for (const what of d.dropped ?? []) list.push(t('made_dropped', { what }))
  return el('ul', { class: 'facts' }, ...list.map(text => el('li', {}, text)))
}
