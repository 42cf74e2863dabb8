// The page: uploads on the left, what is looked at on the right.

import * as detail from './detail.js'
import { $, bytes, count, durations, failed, number, request, saved, t, toast } from './lib.js'
import * as list from './list.js'
import * as recipe from './recipe.js'
import { all, changed, connect, isFailed, isWorking, status, touch } from './store.js'
import { add, filesOf } from './upload.js'

const wide = matchMedia('(min-width: 901px)') // as in the style

// Panels: at most one is open. Closing gives the focus back to where it came from.
let openPanel = null // "detail" or "recipe"
let cameFrom = null

function openDetail(key) {
  if (openPanel === 'recipe') closeRecipe()
  cameFrom = $('list')
  openPanel = 'detail'
  document.body.classList.add('open')
  $('empty').hidden = true
  list.select(key)
  covered()
  detail.show(key).then(() => { if (!wide.matches) $('close-detail')?.focus() })
}

// covered keeps the focus out of what a panel covers on a narrow page.
function covered() {
  for (const e of document.querySelectorAll('header, .pictures')) e.inert = openPanel !== null && !wide.matches
}

function openRecipe() {
  if (openPanel === 'recipe') return close()
  const key = detail.shownKey()
  detail.hide()
  cameFrom = $('open-recipe')
  openPanel = 'recipe'
  document.body.classList.add('open')
  $('empty').hidden = true
  $('open-recipe').setAttribute('aria-expanded', true)
  covered()
  recipe.show(key ?? undefined)
  $('recipe-title').focus()
}

function closeRecipe() {
  recipe.hide()
  $('open-recipe').setAttribute('aria-expanded', false)
}

function close() {
  closeRecipe()
  detail.hide()
  list.select(null)
  openPanel = null
  covered()
  document.body.classList.remove('open')
  $('empty').hidden = false
  cameFrom?.focus()
}

// What is said aloud: a summary, once things have settled for a moment.
let spoken = '', speakTimer

function speak() {
  clearTimeout(speakTimer)
  speakTimer = setTimeout(() => {
    const rows = all()
    const words = t('announce', {
      done: number(rows.filter(row => row.state === 'done').length), failed: number(rows.filter(isFailed).length), waiting: number(rows.filter(isWorking).length),
    })
    if (words !== spoken && rows.length > 0) $('announce').textContent = spoken = words
  }, 1500)
}

let totalsTimer

function totals() {
  totalsTimer = null
  let working = 0, failing = 0
  for (const row of all()) {
    if (isWorking(row)) working++
    if (row.state === 'bad' || row.state === 'retry' || row.failed > 0) failing++
  }
  const waiting = Math.max(working, status?.waiting ?? 0)
  document.title = waiting ? t('uploading_title', { n: number(waiting) }) : 'imgmill'
  $('total-waiting').textContent = number(waiting)
  $('retry-all').hidden = failing === 0
  if (!status) return
  $('total-done').textContent = number(status.done)
  $('total-bad').textContent = number(status.bad + status.retry)
  $('total-bad').classList.toggle('some', status.bad + status.retry > 0)
  const { text, smaller } = saved(status.in, status.out)
  $('total-bytes').replaceChildren(status.in ? `${bytes(status.in)} → ${bytes(status.out)}` : '–')
  if (status.in && smaller) { // several variants of a picture may well have more bytes than it
    const small = document.createElement('small')
    small.textContent = text
    $('total-bytes').append(small)
  }
  $('total-ms').textContent = status.done ? durations(status.p50, status.p95) : '–'
}

const totalsSoon = () => { totalsTimer ??= setTimeout(totals, 150) }

// The comparison of the buckets, and the work that follows.
let comparing = false

function showSync() {
  const { runs, seen, todo, done, ended, error } = status.sync
  $('sync').disabled = runs
  if (runs) $('sync').textContent = todo ? t('sync_making', { done: number(done), todo: number(todo) }) : t('sync_compare', { n: number(seen) })
  else $('sync').textContent = t('sync')
  if (comparing && ended && !runs) {
    toast(error ? t('sync_fails', { reason: error }) : done ? count('sync_made', done) : t('sync_fresh'))
    comparing = false
  }
  if (runs) comparing = true
}

// newRecipe shows what has changed with the recipe, here or in the file.
let recipeSum = null

function newRecipe() {
  if (recipeSum !== null && recipeSum !== status.recipe) {
    detail.refresh()
    recipe.refresh()
  }
  recipeSum = status.recipe
}

function offline(connected) {
  $('connection').hidden = connected
  $('connection').textContent = connected ? '' : t('offline')
}

wide.addEventListener('change', covered)
list.setup(openDetail)
detail.setup(close)
recipe.setup(close)
changed.addEventListener('rows', () => { totalsSoon(); speak() })
changed.addEventListener('status', () => { totalsSoon(); showSync(); newRecipe() })
connect(offline)
touch()

$('files').addEventListener('change', event => {
  add([...event.target.files].map(file => ({ file, name: file.name })))
  event.target.value = ''
})
$('sample').addEventListener('click', event => {
  event.target.disabled = true
  request('POST', '/api/sample', {}).catch(failed).finally(() => { event.target.disabled = false })
})
$('open-recipe').addEventListener('click', openRecipe)
$('sync').addEventListener('click', () => {
  comparing = true
  request('POST', '/api/sync', {}).catch(failed)
})
$('retry-all').addEventListener('click', () => request('POST', '/api/retry', list.failedKeys()).catch(failed))
$('filters').addEventListener('change', event => list.setFilter(event.target.value))
$('search').addEventListener('input', event => list.setSearch(event.target.value))

// Files may be dropped anywhere.
let over = 0
addEventListener('dragenter', event => {
  if (![...event.dataTransfer.types].includes('Files')) return
  over++
  $('over').hidden = false
})
addEventListener('dragleave', () => {
  if (--over <= 0) {
    over = 0
    $('over').hidden = true
  }
})
addEventListener('dragover', event => event.preventDefault())
addEventListener('drop', async event => {
  event.preventDefault()
  over = 0
  $('over').hidden = true
  try {
    add(await filesOf(event.dataTransfer))
  } catch (error) {
    failed(error)
  }
})
