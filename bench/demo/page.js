
for (const over of document.querySelectorAll('.stage .before')) slide(over.parentElement, over, over.dataset.label)

// The look that is compared.
for (const input of document.querySelectorAll('[name=look]')) {
  const show = () => {
    const figure = document.getElementById('look')
    figure.querySelector('.after').src = input.dataset.src
    figure.querySelector('.right').textContent = input.dataset.right
  }
  input.addEventListener('change', show)
  if (input.checked) show() // a browser may have kept another one
}

// The file of the set that the browser has chosen.
const chosen = document.querySelector('#set img')
const tell = () => {
  for (const cell of document.querySelectorAll('td[data-url]')) {
    const is = new URL(cell.dataset.url, location.href).href === chosen.currentSrc
    cell.classList.toggle('chosen', is)
    if (is) document.getElementById('chosen').textContent = `your browser took the marked one, for ${Math.round(chosen.clientWidth)} pixels at a density of ${Math.round(100 * devicePixelRatio) / 100}. Make the window wider or narrower.`
  }
}
chosen.addEventListener('load', tell)
addEventListener('resize', tell)
if (chosen.complete) tell()
