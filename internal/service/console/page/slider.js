// A slider that shows one picture over another. Its style is in slider.css. The demo site has it too.

// slide lays an image over the one that a stage holds, up to a slider.
export function slide(stage, over, label) {
  const slider = Object.assign(document.createElement('input'), { type: 'range', min: 0, max: 100, step: 0.5 })
  slider.setAttribute('aria-label', label)
  const handle = document.createElement('div')
  handle.className = 'handle'
  over.classList.add('before')
  const set = value => {
    slider.value = value
    stage.style.setProperty('--x', `${slider.value}%`)
  }
  slider.addEventListener('input', () => set(slider.value))
  set(50)
  stage.append(over, slider, handle)
  requestAnimationFrame(() => set(50 * Math.min(1, stage.parentElement.clientWidth / stage.offsetWidth))) // the middle of what is seen
}
