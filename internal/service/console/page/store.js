// The rows: those of the server, which it sends whenever they change, and uploads that it does not know of yet.

export const rows = new Map() // of the server, by key
export const uploads = new Map() // of this page, by key or, before that is known, by name
export const changed = new EventTarget() // "rows" whenever something has changed, "row" with a key, "status"
export let status = null

let order = [] // the rows of the server, by ID
let most = 10000

const byID = id => { // the index of the first row with this ID or a greater one
  let low = 0, high = order.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (order[middle].id < id) low = middle + 1
    else high = middle
  }
  return low
}

function remove(row) {
  rows.delete(row.key)
  const i = byID(row.id)
  if (order[i] === row) order.splice(i, 1)
}

function put(row) {
  const before = rows.get(row.key)
  rows.set(row.key, row)
  const i = byID(row.id)
  if (before && order[i] === before) order[i] = row // the usual case: the same upload has come further
  else {
    if (before) {
      const old = byID(before.id)
      if (order[old] === before) order.splice(old, 1)
    }
    order.splice(byID(row.id), 0, row)
  }
  if (order.length > most) remove(order[0])
  const upload = uploads.get(row.key)
  if (upload && (upload.state === 'queued' || upload.etag === row.etag)) uploads.delete(row.key)
  else if (upload) upload.row = row // it came before the answer to the upload
  changed.dispatchEvent(new CustomEvent('row', { detail: row.key }))
}

export const touch = () => changed.dispatchEvent(new Event('rows'))

// all returns what the list shows: the newest first.
export function all() {
  const list = [...uploads.values()].reverse()
  for (let i = order.length - 1; i >= 0; i--) {
    if (!uploads.has(order[i].key)) list.push(order[i])
  }
  return list
}

export const rowOf = key => uploads.get(key) ?? rows.get(key)

export const isWorking = row => ['waiting', 'uploading', 'interrupted', 'queued', 'read', 'decoded', 'resized'].includes(row.state)
export const isFailed = row => row.state === 'bad' || row.state === 'failed' || row.state === 'retry' || row.failed > 0
export const isDone = row => row.state === 'done'

let source

// connect listens to the server. A browser connects again by itself and says what it has seen last; only an
// answer that is no stream ends that, as from a server that stands in for ours while it starts.
export function connect(connection) {
  source = new EventSource('/api/events')
  source.addEventListener('open', () => connection(true))
  source.addEventListener('error', () => {
    connection(false)
    if (source.readyState === EventSource.CLOSED) setTimeout(() => connect(connection), 2000)
  })
  source.addEventListener('reset', event => {
    most = JSON.parse(event.data).max
    rows.clear()
    order = []
    touch()
  })
  source.addEventListener('rows', event => {
    for (const row of JSON.parse(event.data)) put(row)
    touch()
  })
  source.addEventListener('status', event => {
    status = JSON.parse(event.data)
    changed.dispatchEvent(new Event('status'))
  })
}

export const connected = () => source?.readyState === EventSource.OPEN
