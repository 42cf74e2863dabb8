// Uploads: a few at a time, straight to the bucket.

import { request, t } from './lib.js'
import { connected, touch, uploads } from './store.js'

const atOnce = 4
const queue = []
let active = 0
let addresses = Promise.resolve() // the request for them that runs

// add uploads files, each with a name that may have folders.
export function add(files) {
  for (const { file, name } of files) {
    const upload = { id: 0, key: name, name, file, state: 'waiting', at: Date.now(), bytes: file.size, loaded: 0, tries: 0 }
    uploads.delete(name) // so that it comes last
    uploads.set(name, upload)
    queue.push(upload)
  }
  touch()
  work()
}

export function again(upload) {
  Object.assign(upload, { state: 'waiting', tries: 0, loaded: 0, url: '', reason: '' })
  queue.push(upload)
  touch()
  work()
}

function work() {
  while (active < atOnce && queue.length > 0) {
    active++
    send(queue.shift()).finally(() => {
      active--
      touch()
      work()
    })
  }
}

// address gets where to upload to, together with that of others that wait.
async function address(upload) {
  await addresses
  if (upload.url) return
  const batch = [upload, ...queue.filter(other => !other.url).slice(0, 99)]
  addresses = request('POST', '/api/uploads', batch.map(other => other.name)).then(found => {
    found.forEach(({ key, url }, i) => {
      if (uploads.get(batch[i].key) === batch[i]) {
        uploads.delete(batch[i].key)
        uploads.set(key, batch[i])
      }
      Object.assign(batch[i], { key, url })
    })
  })
  const mine = addresses
  addresses = addresses.catch(() => {}) // each that waits asks again
  await mine
}

async function send(upload) {
  while (upload.tries < 5) {
    try {
      await address(upload)
      upload.state = 'uploading'
      upload.etag = await put(upload)
      upload.file = null
      upload.state = 'queued'
      if (upload.row?.etag === upload.etag) uploads.delete(upload.key) // the server knew of it first
      return
    } catch (error) {
      upload.tries++
      upload.loaded = 0
      upload.reason = error.message
      if (error.status >= 400 && error.status < 500) break // another try would end in the same way
      upload.state = 'interrupted'
      upload.url = ''
      touch()
      await back(upload.tries)
    }
  }
  upload.state = 'failed'
}

// back waits until the server is there again.
async function back(tries) {
  await new Promise(resolve => setTimeout(resolve, 500 * tries))
  while (!connected()) await new Promise(resolve => setTimeout(resolve, 250))
}

function put(upload) {
  return new Promise((resolve, reject) => {
    const r = new XMLHttpRequest()
    r.open('PUT', upload.url)
    r.upload.onprogress = event => {
      upload.loaded = event.loaded
      touch()
    }
    r.onload = () => {
      if (r.status === 200) return resolve((r.getResponseHeader('ETag') ?? '').replaceAll('"', ''))
      const reason = r.responseText.match(/<Message>([^<]*)/)?.[1] ?? r.responseText.trim()
      reject(Object.assign(new Error(reason || `${r.status}`), { status: r.status }))
    }
    r.onerror = () => reject(new Error(t('state_interrupted')))
    r.send(upload.file)
  })
}

// filesOf returns the files that were dropped, those in folders among them.
export async function filesOf(transfer) {
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean)
  if (entries.length === 0) return [...transfer.files].map(file => ({ file, name: file.name }))
  const files = []
  const walk = async entry => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject))
      if (!file.name.startsWith('.')) files.push({ file, name: entry.fullPath.slice(1) })
      return
    }
    const reader = entry.createReader()
    for (;;) { // it gives a hundred at a time
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
      if (some.length === 0) return
      for (const inner of some) await walk(inner)
    }
  }
  for (const entry of entries) await walk(entry)
  return files
}
