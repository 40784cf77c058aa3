import { mount } from '@vue/test-utils'
import { afterEach, expect, it, vi } from 'vitest'
import { nextTick, ref } from 'vue'
import { vFocus } from './focus'

const frame = () => new Promise(requestAnimationFrame)
const shown = ref(false)
const wanted = ref(true)

const page = {
  directives: { focus: vFocus },
  setup: () => ({ shown, wanted }),
  template: `<div>
    <input id="password" />
    <div v-if="shown" v-focus="wanted" hidden><input id="code" /></div>
  </div>`,
}

function visit(): (id: string) => HTMLInputElement {
  shown.value = false
  wanted.value = true
  const { element } = mount(page, { attachTo: document.body })
  return (id) => (element as Element).querySelector<HTMLInputElement>(`#${id}`)!
}

/** The field comes up, but stays invisible for a frame: it cannot have the focus before. */
async function comesUp(): Promise<void> {
  vi.spyOn(HTMLElement.prototype, 'focus').mockImplementation(() => undefined)
  shown.value = true
  await nextTick()
  await frame()
  vi.restoreAllMocks()
}

afterEach(() => (document.body.innerHTML = ''))

it('takes the cursor from the field that was left', async () => {
  const field = visit()
  field('password').focus()
  await comesUp()
  expect(document.activeElement).toBe(field('password'))
  await frame()
  expect(document.activeElement).toBe(field('code'))
})

it('leaves it to who types into another field already', async () => {
  const field = visit()
  await comesUp()
  field('password').focus()
  await frame()
  await frame()
  expect(document.activeElement).toBe(field('password'))
})

it('leaves it alone when told so', async () => {
  const field = visit()
  wanted.value = false
  await comesUp()
  await frame()
  expect(document.activeElement).not.toBe(field('code'))
})
