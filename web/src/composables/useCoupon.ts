import { computed, ref } from 'vue'
import {
  getCoupon,
  getTimeline,
  lockCoupon,
  redeemCoupon,
  unlockCoupon,
  type Coupon,
} from '@/api/coupons'
import { newKey } from '@/keys'
import { useClock, useNow } from '@/stores/clock'
import { useKept } from './useKept'
import { useLoad } from './useLoad'

/** The lock that this browser holds, and the key that makes its redeem safe to repeat. */
interface Held {
  token: string
  until: string
  redeemKey: string
}

/** One coupon with its timeline, and what its holder can do with it, one thing at a time. */
export function useCoupon(id: string) {
  const clock = useClock()
  const now = useNow()
  const held = useKept<Held>(`couponbook:lock:${id}`, sessionStorage)
  const busy = ref(false)

  const loaded = useLoad(async (signal) => {
    const [coupon, timeline] = await Promise.all([getCoupon(id, signal), getTimeline(id, signal)])
    clock.set(coupon.now)
    return { coupon, timeline }
  })

  const coupon = computed(() => loaded.data.value?.coupon)
  /** The time that is left of the lock; 0 when there is none. */
  const lockLeft = computed(() => {
    const { state, locked_until: until } = coupon.value ?? {}
    return state === 'LOCKED' && until ? Math.max(0, Date.parse(until) - now.value) : 0
  })
  /** Whether the lock is this browser's own. */
  const mine = computed(
    () => lockLeft.value > 0 && held.value?.until === coupon.value?.locked_until,
  )

  /** Does one thing and then looks again, whether it worked or not: a refusal means that we are behind. */
  async function act(work: () => Promise<Coupon>): Promise<Coupon> {
    busy.value = true
    try {
      return await work()
    } finally {
      await loaded.reload()
      busy.value = false
    }
  }

  const lock = () =>
    act(async () => {
      const lock = await lockCoupon(id, newKey())
      held.value = { token: lock.lock_token, until: lock.locked_until, redeemKey: newKey() }
      return lock.coupon
    })

  const unlock = () =>
    act(async () => {
      const coupon = await unlockCoupon(id, held.value?.token ?? '')
      held.value = undefined
      return coupon
    })

  const redeem = () =>
    act(async () => {
      const { token = '', redeemKey = newKey() } = held.value ?? {}
      const { coupon } = await redeemCoupon(id, token, redeemKey)
      held.value = undefined
      return coupon
    })

  return { ...loaded, coupon, lockLeft, mine, busy, lock, unlock, redeem }
}
