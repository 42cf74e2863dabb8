// The recipe: checked as one types, tried out on a picture, and saved.

import { $, bytes, count, el, failed, formatName, language, pixels, reasonOf, request, saved, t } from './lib.js'
import { changed, rows } from './store.js'

const panel = $('recipe'), text = $('text'), gutter = $('gutter')
let saved0 = { name: '', text: '', sum: '', saves: false } // what is in the file
let problems = []
let checking, previewing // what a newer request makes void
let timers = {}
let onClose = () => {}
let urls = [] // of the pictures of the preview

export function setup(close) {
  onClose = close
  $('close-recipe').addEventListener('click', () => onClose())
  panel.addEventListener('keydown', event => { if (event.key === 'Escape') onClose() })
  text.addEventListener('input', edited)
  text.addEventListener('scroll', () => { gutter.scrollTop = text.scrollTop })
  $('save').addEventListener('click', save)
  $('revert').addEventListener('click', () => { if (confirm(t('discard'))) load() })
  $('preview-key').addEventListener('change', preview)
  changed.addEventListener('rows', () => { if (!panel.hidden) later('keys', 300, keys) })
  addEventListener('beforeunload', event => { if (dirty()) event.preventDefault() })
}

const dirty = () => saved0.saves && !panel.hidden && text.value !== saved0.text

const later = (name, ms, what) => {
  clearTimeout(timers[name])
  timers[name] = setTimeout(what, ms)
}

export async function show(key) {
  const kept = dirty() || text.value !== '' && text.value !== saved0.text
  panel.hidden = false
  keys(key)
  if (!kept) await load()
  else preview()
}

export function refresh() {
  if (!panel.hidden && text.value === saved0.text) load()
}

export const hide = () => { panel.hidden = true }

async function load() {
  try {
    saved0 = await request('GET', '/api/recipe')
  } catch (error) {
    return failed(error)
  }
  text.value = saved0.text
  $('recipe-name').textContent = saved0.name
  $('recipe-hint').textContent = t(saved0.saves ? 'recipe_hint' : 'readonly')
  $('save').hidden = !saved0.saves
  say('')
  edited()
}

function say(words, wrong = false) {
  $('saved').textContent = words
  $('saved').className = wrong ? 'wrong' : ''
}

function edited() {
  buttons()
  lines()
  later('check', 150, check)
}

function buttons() {
  const same = text.value === saved0.text && !saved0.new
  $('save').disabled = same || problems.length > 0
  $('revert').disabled = text.value === saved0.text
  if (text.value !== saved0.text) say('')
}

async function check() {
  checking?.abort()
  checking = new AbortController()
  try {
    ;({ problems } = await request('POST', '/api/recipe/check', { text: text.value }, { signal: checking.signal }))
  } catch (error) {
    if (error.name !== 'AbortError') failed(error)
    return
  }
  report()
  if (problems.length === 0) later('preview', 250, preview)
}

function report() {
  buttons()
  lines()
  text.setAttribute('aria-invalid', problems.length > 0)
  const box = $('problems')
  if (problems.length === 0) return box.replaceChildren(el('span', { class: 'fine' }, t('problems_none')))
  box.replaceChildren(count('problems', problems.length), el('ul', {}, ...problems.map(p => el('li', {},
    el('button', { type: 'button', click: () => goto(p.line) }, el('b', {}, t('line', { n: Math.max(p.line, 1) })),
      el('span', { lang: 'en' }, p.name && el('code', {}, p.name), p.name ? ': ' : '', p.text))))))
  $('preview').replaceChildren(el('p', {}, t('preview_invalid')))
}

// lines numbers the lines, and marks those with problems.
function lines() {
  const wrong = new Set(problems.map(p => Math.max(p.line, 1)))
  const n = text.value.split('\n').length
  gutter.replaceChildren(...Array.from({ length: n }, (_, i) => el('span', { class: wrong.has(i + 1) ? 'wrong' : false }, `${i + 1}`)))
  gutter.scrollTop = text.scrollTop
}

function goto(line) {
  const all = text.value.split('\n')
  const start = all.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0)
  text.focus()
  text.setSelectionRange(start, start + (all[line - 1] ?? '').length)
  text.scrollTop = Math.max(0, (line - 5) * 21)
}

async function save() {
  $('save').disabled = true
  try {
    const { sum } = await request('POST', '/api/recipe', { text: text.value, sum: saved0.sum })
    saved0 = { ...saved0, text: text.value, sum, new: false }
    say(t('saved'))
  } catch (error) {
    if (error.status === 422) {
      problems = error.data.problems
      report()
    } else say(error.status === 409 ? t('save_conflict') : t('save_fails', { reason: error.message }), true)
  }
  buttons()
}

// keys offers pictures for the preview: the newest ones, and one that is asked for.
function keys(wanted) {
  const select = $('preview-key')
  const present = wanted ?? select.value
  const list = [...rows.values()].filter(row => ['done', 'bad'].includes(row.state)).sort((a, b) => b.id - a.id).slice(0, 50).map(row => row.key)
  if (present && rows.has(present) && !list.includes(present)) list.unshift(present)
  const same = list.length === select.options.length && list.every((key, i) => select.options[i].value === key)
  if (!same) select.replaceChildren(...list.map(key => el('option', { value: key }, key)))
  if (list.includes(present)) select.value = present
  select.parentElement.hidden = list.length === 0
  if (!present && list.length > 0) later('preview', 50, preview)
}

async function preview() {
  const box = $('preview'), key = $('preview-key').value
  if (panel.hidden || problems.length > 0) return
  if (!key) return box.replaceChildren(el('p', {}, t('preview_none')))
  previewing?.abort()
  previewing = new AbortController()
  if (!box.querySelector('figure')) box.replaceChildren(el('p', {}, t('preview_wait')))
  box.classList.add('waits')
  try {
    const { variants, excluded } = await request('POST', '/api/preview', { text: text.value, key }, { signal: previewing.signal })
    urls.forEach(URL.revokeObjectURL)
    urls = []
    const before = rows.get(key)?.bytes ?? 0
    box.replaceChildren(excluded ? el('p', {}, t('preview_excluded', { reason: reasonOf(excluded) })) : '', ...variants.map(v => figure(v, before)))
    box.classList.remove('waits')
  } catch (error) {
    if (error.name === 'AbortError') return
    box.classList.remove('waits')
    if (error.status === 422 && error.data?.problems) return
    box.replaceChildren(el('p', {}, t('preview_fails', { reason: reasonOf(error.message) })))
  }
}

function figure(v, before) {
  const caption = el('figcaption', {}, el('b', {}, v.name))
  if (v.failed) {
    caption.append(v.failed)
    return el('figure', {}, caption)
  }
  caption.append(`${pixels(v.w, v.h)} ${formatName(v.format)}`, el('br'), bytes(v.bytes), before ? ` · ${saved(before, v.bytes).text}` : '')
  if (!v.data) return el('figure', {}, caption)
  const url = URL.createObjectURL(new Blob([Uint8Array.from(atob(v.data), c => c.charCodeAt(0))], { type: v.type }))
  urls.push(url)
  return el('figure', {}, el('img', { src: url, alt: '' }), caption)
}
