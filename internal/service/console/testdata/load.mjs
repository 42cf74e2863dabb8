// A thousand uploads in a minute, and ten thousand rows: the longest frames, and memory.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const count = Number(process.env.UPLOADS ?? 1000), rows = 10_000

// watch begins to measure frames; the function that it returns ends that. A frame is what somebody at the page
// sees, who also waits for all other programs of a busy machine. A task is the processor time that the page itself
// took without a pause, which holds up a frame on any machine; its time by the clock, less that, it waited for a
// processor.
async function watch(browser, page) {
  await browser.startTracing(page, { categories: ['-*', 'toplevel'] })
  await page.evaluate(() => {
    const frames = window.frames_ = { all: [], on: true }
    let last = performance.now()
    const next = now => {
      frames.all.push(now - last)
      last = now
      if (frames.on) requestAnimationFrame(next)
    }
    requestAnimationFrame(next)
  })
  return async () => {
    const all = await page.evaluate(() => { window.frames_.on = false; return window.frames_.all })
    all.sort((a, b) => a - b)
    const at = part => all[Math.min(all.length - 1, Math.floor(part * all.length))]
    const { traceEvents: events } = JSON.parse((await browser.stopTracing()).toString())
    const mains = new Set(events.filter(e => e.name === 'thread_name' && e.args.name === 'CrRendererMain').map(e => `${e.pid} ${e.tid}`))
    const tasks = events.filter(e => e.tdur !== undefined && mains.has(`${e.pid} ${e.tid}`))
    assert.ok(tasks.length > all.length / 2, `${tasks.length} tasks in the trace, and ${all.length} frames`)
    const most = of => tasks.map(of).reduce((a, b) => Math.max(a, b)) / 1000
    const task = most(e => e.tdur), over = all.filter(ms => ms >= 100).length
    return {
      task,
      text: `${all.length} frames, half within ${at(0.5).toFixed(0)} ms, 99 % within ${at(0.99).toFixed(0)} ms, 99.9 % within ${at(0.999).toFixed(0)} ms, ` +
        `${over} of 100 ms or more, longest ${at(1).toFixed(0)} ms; longest task ${task.toFixed(0)} ms of the processor, ` +
        `which one waited ${most(e => e.dur - e.tdur).toFixed(0)} ms for`,
    }
  }
}

// heap returns the megabytes of live objects of the page, and how many elements it has.
async function heap(page) {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  await session.send('Performance.enable')
  const { metrics } = await session.send('Performance.getMetrics')
  await session.detach()
  const of = name => metrics.find(m => m.name === name).value
  return { mb: of('JSHeapUsedSize') / 1e6, nodes: of('Nodes') }
}

export async function load(open, browser, { draw, rowOf, dir, stop, start, resident }) {
  let page = await open(browser)
  const pictures = []
  for (let i = 0; i < 6; i++) pictures.push((await draw(page, i, 600, 400)).toString('base64'))
  // Once: receiving them takes 40 ms, which would be measured.
  await page.evaluate(pictures => { window.pictures_ = pictures.map(text => Uint8Array.from(atob(text), c => c.charCodeAt(0))) }, pictures)
  const add = (name, from, n) => page.evaluate(([name, from, n]) => {
    const bytes = window.pictures_
    const transfer = new DataTransfer()
    for (let i = from; i < from + n; i++) {
      // A few bytes at the end make each a file of its own.
      transfer.items.add(new File([bytes[i % bytes.length], `${i}`], `${name}-${i}.jpg`, { type: 'image/jpeg' }))
    }
    document.getElementById('files').files = transfer.files
    document.getElementById('files').dispatchEvent(new Event('change'))
  }, [name, from, n])
  await add('first', 0, 20)
  await page.waitForFunction(() => document.getElementById('total-done').textContent === '20')
  const before = await heap(page), server = resident()
  const end = await watch(browser, page)
  const began = Date.now()
  for (let i = 0; i < count; i += 100) { // a hundred every five seconds, or as fast as the machine can
    await add('load', i, 100)
    await page.waitForTimeout(Math.max(0, began + (i + 100) * 50 - Date.now()))
  }
  await page.waitForFunction(n => Number(document.getElementById('total-done').textContent.replace(/\D/g, '')) === n, count + 20, { timeout: 240_000 })
  const seconds = (Date.now() - began) / 1000
  const frames = await end()
  const after = await heap(page)
  console.log(`${count} uploads in ${seconds.toFixed(0)} s: ${frames.text}; ` +
    `page ${before.mb.toFixed(1)} MB -> ${after.mb.toFixed(1)} MB, ` +
    `${before.nodes} -> ${after.nodes} nodes; server ${server.toFixed(0)} MB -> ${resident().toFixed(0)} MB`)
  assert.ok(after.mb - before.mb < 5, 'the memory of the page grows')
  assert.ok(after.nodes - before.nodes < 500, 'the elements of the page grow')
  await page.context().close()

  // Ten thousand rows from the history.
  await stop('SIGTERM')
  const line = JSON.parse(readFileSync(join(dir, 'cloud', 'console.jsonl'), 'utf8').split('\n')[0])
  writeFileSync(join(dir, 'cloud', 'console.jsonl'),
    Array.from({ length: rows }, (_, i) => JSON.stringify({ ...line, id: i + 1, key: `rows/picture-${i}.jpg` })).join('\n') + '\n')
  await start()
  const opened = Date.now()
  page = await open(browser)
  await page.waitForFunction(n => Number(document.getElementById('total-done').textContent.replace(/\D/g, '')) === n, rows)
  await rowOf(page, `picture-${rows - 1}.jpg`).waitFor()
  const shown = Date.now() - opened
  const stopWatch = await watch(browser, page)
  await page.evaluate(async () => {
    const list = document.getElementById('list')
    for (let i = 0; i <= 300; i++) {
      list.scrollTop = i / 300 * list.scrollHeight
      await new Promise(requestAnimationFrame)
    }
    const search = document.getElementById('search')
    for (const text of ['9', '99', '999', '']) {
      search.value = text
      search.dispatchEvent(new Event('input'))
      await new Promise(requestAnimationFrame)
    }
  })
  const scrolled = await stopWatch(), all = await heap(page)
  console.log(`${rows} rows: shown after ${shown} ms; scrolled through and searched: ${scrolled.text}; ` +
    `page ${all.mb.toFixed(1)} MB, ${all.nodes} nodes`)
  assert.ok(Math.max(frames.task, scrolled.task) < 50, 'a task of the page takes 50 ms of the processor')
  await page.context().close()
}
