import { defineStore } from 'pinia'
import { ref } from 'vue'
import { describe } from '@/api/client'

export interface Notice {
  text: string
  color: 'success' | 'error' | 'warning'
  timeout: number
}

/** Short messages at the edge of the screen: what happened, without blocking anything. */
export const useNotices = defineStore('notices', () => {
  const queue = ref<Notice[]>([])
  const say = (color: Notice['color'], text: string, timeout: number) =>
    queue.value.push({ color, text, timeout })

  return {
    queue,
    tell: (text: string) => say('success', text, 4_000),
    warn: (text: string) => say('warning', text, 8_000),
    /** Says why something was refused, in the words of the service. */
    refuse: (error: unknown) => say('error', describe(error), 8_000),
  }
})
