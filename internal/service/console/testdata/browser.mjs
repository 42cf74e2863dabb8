// The console in chromium, as people use it: node browser.mjs IMGMILL [--screenshots DIR] [--load]
//
// NODE_MODULES names a folder with playwright-core and axe-core. Without flags, it takes about a minute, and
// the first check that fails ends it with what was expected. --screenshots also writes the pictures of
// docs/console. --load uploads a thousand pictures, and measures frames and memory instead.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const require = createRequire(join(process.env.NODE_MODULES, 'x'))
const { chromium } = require('playwright-core')
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

const program = process.argv[2]
const shots = process.argv.includes('--screenshots') ? process.argv[process.argv.indexOf('--screenshots') + 1] : ''
const patience = 20_000 // milliseconds for what takes a moment on an idle machine

const dir = mkdtempSync(join(tmpdir(), 'imgmill-console-'))
const recipe = join(dir, 'imgmill.yaml')
writeFileSync(recipe, `source: {bucket: photos-input}
target: {bucket: photos-output, key: "{variant}/{key}"}
variants:
  thumb: {width: 240, height: 240, fit: cover, format: jpeg}
  page: {width: 640, format: webp}
  large: {width: 1600, max_bytes: 300KB}
`)

// dev is a running imgmill dev.
let dev

function start(...flags) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['dev', '--dir', join(dir, 'cloud'), ...flags], { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] })
    let text = ''
    child.stderr.on('data', data => {
      text += data
      const console = text.match(/Console: (http:\S+)\//), s3 = text.match(/AWS_ENDPOINT_URL=(\S+)/)
      if (console && s3 && text.includes('Ready.')) {
        dev = { child, console: console[1], s3: s3[1] }
        resolve()
      }
    })
    child.on('exit', code => reject(new Error(`dev ended with ${code}:\n${text}`)))
  })
}

// resident returns the megabytes that dev holds.
const resident = () => Number(readFileSync(`/proc/${dev.child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) / 1000

const ended = child => new Promise(resolve => child.exitCode !== null || child.signalCode ? resolve() : child.once('exit', resolve))

async function stop(signal) {
  dev.child.kill(signal)
  await ended(dev.child)
}

// What no page may do.
const faults = []
let away = false // the server is, so that browsers report failed requests

// open opens the console in a window of its own.
async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, reducedMotion: 'reduce', ...options })
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: dev.console })
  const page = await context.newPage()
  page.setDefaultTimeout(patience)
  page.on('console', message => {
    const expected = away && /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_INCOMPLETE|ERR_EMPTY|net::|Failed to load|CORS/.test(message.text())
    if (['error', 'warning'].includes(message.type()) && !expected) faults.push(`console: ${message.text()}`)
  })
  page.on('pageerror', error => faults.push(`error: ${error.stack}`))
  page.on('dialog', dialog => {
    if (dialog.type() !== 'beforeunload') faults.push(`dialog: ${dialog.message()}`)
    dialog.accept()
  })
  page.on('request', request => {
    const url = new URL(request.url())
    if (!['blob:', 'data:'].includes(url.protocol) && url.origin !== dev.console && url.origin !== dev.s3) faults.push(`request to ${request.url()}`)
  })
  await page.goto(dev.console)
  return page
}

// accessible asks axe for what keeps people out.
async function accessible(page, where) {
  await page.evaluate(axe) // which is not part of the page, so that its policy does not hold
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }))
  const serious = violations.filter(v => ['serious', 'critical'].includes(v.impact))
  assert.deepEqual(serious.map(v => `${v.id}: ${v.nodes.map(n => n.html).join(' ')}`), [], `axe, ${where}`)
}

async function shoot(page, name) {
  if (!shots) return
  await page.evaluate(() => document.activeElement?.blur())
  await page.mouse.move(2, 2)
  await page.waitForTimeout(600) // for thumbnails
  const png = join(dir, `${name}.png`)
  await page.screenshot({ path: png })
  execFileSync(program, ['resize', png, '-o', join(shots, `${name}.webp`), '--width', '4000', '--format', 'webp', '--max-bytes', '120KB'])
}

// narrow checks that nothing is wider than the window.
async function narrow(page, where) {
  const { scrollWidth, innerWidth } = await page.evaluate(() => ({ scrollWidth: document.documentElement.scrollWidth, innerWidth }))
  assert.ok(scrollWidth <= innerWidth, `${where} is ${scrollWidth} pixels wide in a window of ${innerWidth}`)
}

// draw draws a scene, which depends on its number alone.
async function draw(page, n, width, height, type = 'image/jpeg') {
  const data = await page.evaluate(async ([n, width, height, type]) => {
    let seed = n * 7919 + 1
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647
    const canvas = new OffscreenCanvas(width, height), c = canvas.getContext('2d')
    const skies = [['#f6d9b8', '#e58d6d', '#5b4a78'], ['#0b1d3a', '#1f4e6e', '#7fc6b0'], ['#cfe6f3', '#8fb9d8', '#476f9c'], ['#fbe7c6', '#f3b27a', '#c7623f'], ['#dfe9d8', '#a9c3a0', '#5c7d66'], ['#2a1e4a', '#73427f', '#e79a8b']]
    const sky = c.createLinearGradient(0, 0, 0, height)
    skies[n % skies.length].forEach((colour, i) => sky.addColorStop([1, 0.55, 0][i], colour))
    c.fillStyle = sky
    c.fillRect(0, 0, width, height)
    const x = width * (0.25 + 0.5 * random()), y = height * (0.22 + 0.2 * random()), r = Math.min(width, height) * 0.08
    const glow = c.createRadialGradient(x, y, r * 0.5, x, y, r * 5)
    glow.addColorStop(0, 'rgb(255 246 220 / 90%)')
    glow.addColorStop(1, 'rgb(255 246 220 / 0%)')
    c.fillStyle = glow
    c.fillRect(0, 0, width, height)
    c.fillStyle = '#fff7e4'
    c.beginPath()
    c.arc(x, y, r, 0, 7)
    c.fill()
    for (let layer = 0; layer < 5; layer++) {
      const phases = Array.from({ length: 5 }, () => random() * 6.3)
      c.fillStyle = `hsl(${(200 + n * 47) % 360} ${14 + 5 * layer}% ${46 - 8 * layer}%)`
      c.beginPath()
      c.moveTo(0, height)
      for (let i = 0; i <= width; i += 4) {
        const h = phases.reduce((sum, p, k) => sum + Math.sin(i / width * (2.2 + 2.6 * k) * (1 + layer / 3) + p) / (1 + k * k), 0)
        c.lineTo(i, height * (0.5 + layer * 0.1) - h * height * 0.045)
      }
      c.lineTo(width, height)
      c.fill()
    }
    const grain = c.getImageData(0, 0, width, height) // that of a photograph
    for (let i = 0; i < grain.data.length; i += 4) {
      const add = 14 * (random() - 0.5)
      for (let k = 0; k < 3; k++) grain.data[i + k] += add
    }
    c.putImageData(grain, 0, 0)
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type, quality: 0.93 })).arrayBuffer())
    let text = ''
    for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768))
    return btoa(text)
  }, [n, width, height, type])
  return Buffer.from(data, 'base64')
}

// drop drops files on the page.
async function drop(page, files) {
  const transfer = await page.evaluateHandle(files => {
    const transfer = new DataTransfer()
    for (const { name, type, data } of files) transfer.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name, { type }))
    return transfer
  }, files.map(({ name, type = 'image/jpeg', data }) => ({ name, type, data: data.toString('base64') })))
  await page.dispatchEvent('body', 'dragenter', { dataTransfer: transfer })
  assert.ok(await page.isVisible('#over'), 'the page does not show that files may be dropped')
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer })
}

const rowOf = (page, name) => page.locator('.row', { has: page.locator('.name', { hasText: new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`) }) })
const state = (page, name, word) => rowOf(page, name).locator('.word', { hasText: word }).waitFor()

const hostile = '"><img src=x onerror=alert(1)>.jpg'

async function check(browser) {
  const page = await open(browser)
  await page.locator('#drop').waitFor()
  await accessible(page, 'empty')
  await shoot(page, 'empty')

  // Pictures and a broken file.
  const names = ['dawn.jpg', 'northern-lights.jpg', 'dunes.png', 'glacier.jpg', 'meadow.jpg']
  const pictures = [
    await draw(page, 3, 1800, 1200), await draw(page, 1, 1400, 1800), await draw(page, 0, 900, 600, 'image/png'), await draw(page, 2, 2400, 1600), await draw(page, 4, 1500, 1000),
  ]
  await drop(page, [
    { name: 'cut-off.jpg', data: pictures[0].subarray(0, pictures[0].length / 2) },
    ...names.map((name, i) => ({ name, type: i === 2 ? 'image/png' : 'image/jpeg', data: pictures[i] })),
  ])
  for (const name of names) await state(page, name, '3 variants')
  await state(page, 'cut-off.jpg', 'Failed')
  await page.waitForFunction(() => document.getElementById('total-done').textContent === '5' && document.getElementById('total-bad').textContent === '1')
  await page.waitForFunction(() => /5 done, 1 failed, 0 in progress/.test(document.getElementById('announce').textContent))
  await page.locator('.thumb img[src]').first().waitFor()
  await accessible(page, 'list')

  // A picture: variants, slider, HTML to copy.
  await rowOf(page, names[0]).click()
  await page.locator('.stage:not(.waits)').waitFor()
  assert.deepEqual(await page.locator('.tabs span').allTextContents(), ['thumb', 'page', 'large'])
  const size = await page.locator('.stage .after').evaluate(img => [img.naturalWidth, img.offsetWidth * devicePixelRatio])
  assert.deepEqual(size, [640, 640], 'true size')
  const slider = page.locator('.stage input')
  const cut = () => page.locator('.stage').evaluate(e => parseFloat(e.style.getPropertyValue('--x')))
  const middle = await cut()
  await slider.focus()
  for (let i = 0; i < 20; i++) await page.keyboard.press('ArrowRight')
  assert.ok(Math.abs(await cut() - middle - 10) < 0.01, 'the slider does not move by keys')
  const box = await page.locator('.frame').boundingBox()
  await page.mouse.move(box.x + box.width / 2, box.y + 90)
  await page.mouse.down()
  await page.mouse.move(box.x + 100, box.y + 90, { steps: 4 })
  await page.mouse.up()
  assert.ok(await cut() < 30, 'the slider does not move by the mouse')
  for (let i = 0; i < 60; i++) await page.keyboard.press('ArrowRight')
  await page.click('#copy-html')
  const html = await page.evaluate(() => navigator.clipboard.readText())
  assert.match(html, /^<img src="\/target\/page\/dawn\.jpg" width="640" height="427"/)
  await page.click('#copy-key')
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'page/dawn.jpg')
  await page.locator('#toast', { hasText: 'Copied' }).waitFor()
  await page.focus('.tabs [aria-selected=true]')
  await page.keyboard.press('ArrowRight')
  assert.equal(await page.locator('.tabs [aria-selected=true] span').textContent(), 'large')
  await page.keyboard.press('ArrowLeft')
  await page.locator('.stage:not(.waits)').waitFor()
  await accessible(page, 'detail')
  await page.waitForFunction(() => document.getElementById('toast').textContent === '')
  await shoot(page, 'picture')

  // A name that would be HTML, and a drawing with a script.
  await drop(page, [
    { name: hostile, data: pictures[0] },
    { name: 'drawing.svg', type: 'image/svg+xml', data: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(2)"><script>alert(3)</script></svg>') },
  ])
  await state(page, hostile, '3 variants')
  await state(page, 'drawing.svg', 'Skipped')
  await rowOf(page, hostile).click()
  await page.locator('#detail-title', { hasText: hostile }).waitFor()
  await page.locator('.stage:not(.waits)').waitFor()

  // A failure: reason, advice, another try.
  await rowOf(page, 'cut-off.jpg').click()
  await page.locator('.failure .reason', { hasText: 'corrupt jpeg' }).waitFor()
  await page.locator('.failure', { hasText: 'Upload it again' }).waitFor()
  await shoot(page, 'failure')
  const retried = page.waitForResponse(answer => answer.url().endsWith('/api/retry'))
  await page.click('#again')
  assert.equal((await retried).status(), 202)
  await state(page, 'cut-off.jpg', 'Failed')
  await accessible(page, 'failure')

  // By keys alone: to the list, to a row, into it and back.
  await page.keyboard.press('Escape')
  await page.focus('#list')
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.locator('#detail-title').waitFor()
  await page.waitForFunction(() => {
    const active = document.getElementById(document.getElementById('list').getAttribute('aria-activedescendant'))
    return active.getAttribute('aria-posinset') === '2' && active.getAttribute('aria-selected') === 'true'
  })
  await page.keyboard.press('Tab')
  await page.keyboard.press('Escape')
  assert.ok(await page.isHidden('#detail'))
  assert.equal(await page.evaluate(() => document.activeElement.id), 'list', 'the focus after closing')

  // The recipe: wrongly, rightly, and saved.
  await rowOf(page, names[1]).click()
  await page.locator('.stage:not(.waits)').waitFor()
  await page.click('#open-recipe')
  await page.locator('#problems', { hasText: 'No mistakes.' }).waitFor()
  await page.locator('#preview figure').nth(2).waitFor()
  const right = await page.inputValue('#text')
  await page.fill('#text', right.replace('width: 640', 'widht: 640').replace('max_bytes: 300KB', 'quality: 900'))
  await page.locator('#problems li').nth(1).waitFor()
  assert.deepEqual(await page.locator('#problems b').allTextContents(), ['Line 5', 'Line 6'])
  assert.match(await page.locator('#problems li').first().textContent(), /variants\.page\.widht.*did you mean width/)
  assert.deepEqual(await page.locator('#gutter .wrong').allTextContents(), ['5', '6'])
  assert.ok(await page.isDisabled('#save'))
  await accessible(page, 'recipe with mistakes')
  await shoot(page, 'recipe-mistakes')
  await page.click('#problems button')
  assert.equal(await page.evaluate(() => { const e = document.getElementById('text'); return e.value.slice(e.selectionStart, e.selectionEnd) }), '  page: {widht: 640, format: webp}')
  await page.fill('#text', right.replace('width: 640', 'width: 500'))
  await page.locator('#preview figcaption', { hasText: '500×643 WebP' }).waitFor()
  await page.locator('#preview:not(.waits)').waitFor()
  await accessible(page, 'recipe')
  await shoot(page, 'recipe')
  const used = () => page.evaluate(async () => (await import('/static/store.js')).status.recipe)
  const before = await used()
  await page.click('#save')
  await page.locator('#saved', { hasText: 'Saved.' }).waitFor()
  assert.match(readFileSync(recipe, 'utf8'), /width: 500/)
  while (await used() === before) await page.waitForTimeout(100) // dev reads it again
  await page.click('#close-recipe')

  // What is there already is brought up to date, and a reload forgets nothing.
  await page.click('#sync')
  await page.locator('#toast', { hasText: /up to date/ }).waitFor()
  await page.reload()
  for (const name of [...names, hostile]) await state(page, name, '3 variants')
  await rowOf(page, names[0]).click()
  await page.locator('.tabs small', { hasText: '500×333 WebP' }).waitFor()

  // The server is killed while pictures are on their way, and comes back.
  const batch = Array.from({ length: 8 }, (_, i) => ({ name: `batch/kite-${i + 1}.jpg`, mimeType: 'image/jpeg', buffer: pictures[i % 2] }))
  away = true
  await page.route('**/*', route => route.continue()) // so that requests pass through here, and take a moment
  await page.setInputFiles('#files', batch.map(file => ({ ...file, name: file.name.slice(6) })))
  await stop('SIGKILL')
  await page.locator('#connection', { hasText: 'Reconnecting' }).waitFor()
  await page.waitForTimeout(300)
  await start('--port', new URL(dev.s3).port, '--console', new URL(dev.console).host)
  for (let i = 1; i <= 8; i++) await state(page, `kite-${i}.jpg`, '3 variants')
  await page.locator('#connection').waitFor({ state: 'hidden' })
  for (const name of names) await state(page, name, '3 variants')
  away = false
  await page.unroute('**/*')

  // One click for a drawn sample, and filters.
  await page.click('#sample')
  await state(page, 'sample.jpg', '3 variants')
  await page.check('input[value=failed]', { force: true })
  await page.waitForFunction(() => document.querySelectorAll('.row').length === 1)
  await page.check('input[value=all]', { force: true })
  await page.fill('#search', 'DUNES')
  await page.waitForFunction(() => document.querySelectorAll('.row').length === 1)
  await page.fill('#search', 'no such picture')
  await page.locator('#nothing').waitFor()
  await page.fill('#search', '')
  await page.context().close()

  // Dark.
  const dark = await open(browser, { colorScheme: 'dark' })
  await rowOf(dark, names[1]).click()
  await dark.locator('.stage:not(.waits)').waitFor()
  await accessible(dark, 'dark')
  await dark.evaluate(() => { document.getElementById('list').scrollTop = 0 })
  await shoot(dark, 'dark')
  await dark.context().close()

  // Japanese.
  const ja = await open(browser, { locale: 'ja-JP' })
  assert.equal(await ja.getAttribute('html', 'lang'), 'ja')
  await state(ja, names[1], '3 種類')
  await rowOf(ja, 'cut-off.jpg').click()
  await ja.locator('.failure', { hasText: 'もう一度アップロードしてください' }).waitFor()
  assert.match(await ja.locator('.failure .reason').textContent(), /^jpeg が \d+ バイト目で壊れています：/)
  assert.equal(await ja.locator('#again').textContent(), '再試行')
  await rowOf(ja, names[1]).click()
  await ja.locator('.stage:not(.waits)').waitFor()
  assert.match(await ja.locator('.facts').textContent(), /1400×1800 から 500×643 にリサイズ/)
  await accessible(ja, 'Japanese')
  await ja.evaluate(() => { document.getElementById('list').scrollTop = 0 })
  await shoot(ja, 'japanese')
  await ja.context().close()

  // A phone.
  const phone = await open(browser, { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true })
  await state(phone, names[1], '3 variants')
  await narrow(phone, 'the list')
  await accessible(phone, 'phone')
  await shoot(phone, 'phone')
  await rowOf(phone, names[1]).tap()
  await phone.locator('.stage:not(.waits)').waitFor()
  await narrow(phone, 'the picture')
  assert.equal(await phone.evaluate(() => document.activeElement.id), 'close-detail', 'the focus on a phone')
  await accessible(phone, 'phone, picture')
  await shoot(phone, 'phone-picture')
  await phone.tap('#close-detail')
  await phone.tap('#open-recipe')
  await phone.locator('#preview figure').first().waitFor()
  await narrow(phone, 'the recipe')
  await phone.context().close()
}

let failure
try {
  await start()
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--enable-precise-memory-info'] })
  const lost = new Promise((_, reject) => browser.on('disconnected', () => reject(new Error('chromium has ended'))))
  lost.catch(() => {}) // it also ends in the end
  try {
    const run = process.argv.includes('--load') ? (await import('./load.mjs')).load(open, browser, { draw, rowOf, dir, stop, start, resident }) : check(browser)
    await Promise.race([run, lost])
    assert.deepEqual(faults, [], 'errors, dialogs, and requests to other hosts')
  } catch (error) {
    const page = browser.contexts().at(-1)?.pages()[0]
    if (page && process.env.FAILURE) await page.screenshot({ path: process.env.FAILURE })
    throw error
  } finally {
    await browser.close()
  }
} catch (error) {
  failure = error
} finally {
  if (dev) await stop('SIGTERM')
  rmSync(dir, { recursive: true, force: true })
}
if (failure) {
  console.error(failure, faults)
  process.exit(1)
}
