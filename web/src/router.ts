import {
  createRouter,
  createWebHistory,
  type Router,
  type RouteRecordRaw,
  type RouterHistory,
} from 'vue-router'
import { onSessionEnded } from '@/api/client'
import { useNotices } from '@/stores/notices'
import { useSession } from '@/stores/session'

declare module 'vue-router' {
  interface RouteMeta {
    title: string
    /** For everyone, signed in or not. */
    open?: boolean
    /** Only for who is not signed in. */
    door?: boolean
    /** Only for who manages books. */
    staff?: boolean
    /** Only for who manages everything. */
    admin?: boolean
  }
}

export const routes: RouteRecordRaw[] = [
  { path: '/', redirect: { name: 'sales' } },
  {
    path: '/sign-in',
    name: 'sign-in',
    component: () => import('@/pages/SignInPage.vue'),
    meta: { title: 'Sign in', door: true },
  },
  {
    path: '/register',
    name: 'register',
    component: () => import('@/pages/RegisterPage.vue'),
    meta: { title: 'Make an account', door: true },
  },
  {
    path: '/reset-password',
    name: 'reset-password',
    component: () => import('@/pages/ResetPasswordPage.vue'),
    meta: { title: 'A new password', open: true },
  },
  {
    path: '/sales',
    name: 'sales',
    component: () => import('@/pages/SalesPage.vue'),
    meta: { title: 'Sales' },
  },
  {
    path: '/sales/:id',
    name: 'sale',
    component: () => import('@/pages/SalePage.vue'),
    props: true,
    meta: { title: 'Sale' },
  },
  {
    path: '/coupons',
    name: 'coupons',
    component: () => import('@/pages/CouponsPage.vue'),
    meta: { title: 'My coupons' },
  },
  {
    path: '/coupons/:id',
    name: 'coupon',
    component: () => import('@/pages/CouponPage.vue'),
    props: true,
    meta: { title: 'Coupon' },
  },
  {
    path: '/books',
    name: 'books',
    component: () => import('@/pages/BooksPage.vue'),
    meta: { title: 'Books', staff: true },
  },
  {
    path: '/books/new',
    name: 'new-book',
    component: () => import('@/pages/BookFormPage.vue'),
    meta: { title: 'New book', staff: true },
  },
  {
    path: '/books/:id',
    name: 'book',
    component: () => import('@/pages/BookPage.vue'),
    props: true,
    meta: { title: 'Book', staff: true },
  },
  {
    path: '/books/:id/edit',
    name: 'edit-book',
    component: () => import('@/pages/BookFormPage.vue'),
    props: true,
    meta: { title: 'Settings of a book', staff: true },
  },
  {
    path: '/books/:id/generate',
    name: 'generate',
    component: () => import('@/pages/GeneratePage.vue'),
    props: true,
    meta: { title: 'Make codes', staff: true },
  },
  {
    path: '/books/:id/upload',
    name: 'upload',
    component: () => import('@/pages/UploadPage.vue'),
    props: true,
    meta: { title: 'Upload codes', staff: true },
  },
  {
    path: '/pools',
    name: 'pools',
    component: () => import('@/pages/PoolsPage.vue'),
    meta: { title: 'Pools', staff: true },
  },
  {
    path: '/pools/:id',
    name: 'pool',
    component: () => import('@/pages/PoolPage.vue'),
    props: true,
    meta: { title: 'Pool', staff: true },
  },
  {
    path: '/pools/:id/import',
    name: 'import-members',
    component: () => import('@/pages/ImportMembersPage.vue'),
    props: true,
    meta: { title: 'Import members', staff: true },
  },
  {
    path: '/pools/:id/distribute',
    name: 'distribute',
    component: () => import('@/pages/DistributePage.vue'),
    props: true,
    meta: { title: 'Distribute coupons', staff: true },
  },
  {
    path: '/distributions/:id',
    name: 'distribution',
    component: () => import('@/pages/DistributionPage.vue'),
    props: true,
    meta: { title: 'Distribution', staff: true },
  },
  {
    path: '/webhooks',
    name: 'webhooks',
    component: () => import('@/pages/WebhooksPage.vue'),
    meta: { title: 'Webhooks', staff: true },
  },
  {
    path: '/webhooks/:id',
    name: 'webhook',
    component: () => import('@/pages/WebhookPage.vue'),
    props: true,
    meta: { title: 'Webhook', staff: true },
  },
  {
    path: '/deliveries/:id',
    name: 'delivery',
    component: () => import('@/pages/DeliveryPage.vue'),
    props: true,
    meta: { title: 'Delivery', staff: true },
  },
  {
    path: '/audit',
    name: 'audit',
    component: () => import('@/pages/AuditPage.vue'),
    meta: { title: 'Audit log', admin: true },
  },
  {
    path: '/service',
    name: 'service',
    component: () => import('@/pages/ServicePage.vue'),
    meta: { title: 'Service', open: true },
  },
  {
    path: '/:path(.*)*',
    name: 'lost',
    component: () => import('@/pages/LostPage.vue'),
    meta: { title: 'Not found', open: true },
  },
]

export function makeRouter(history: RouterHistory = createWebHistory()) {
  const router = createRouter({
    history,
    routes,
    scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  })

  // While it cannot be known who is here, App shows that instead of a page.
  router.beforeEach(async (to) => {
    const session = useSession()
    await session.know()
    if (session.trouble) return true
    if (to.meta.door) return session.user ? next(to.query.next) : true
    if (to.meta.staff && session.user?.role === 'user') return lost(to.path)
    if (to.meta.admin && session.user && session.user.role !== 'admin') return lost(to.path)
    if (session.user || to.meta.open) return true
    return { name: 'sign-in', query: to.path === '/sales' ? {} : { next: to.fullPath } }
  })
  router.afterEach((to) => {
    document.title = `${to.meta.title} · couponbook`
  })
  return router
}

const lost = (path: string) => ({ name: 'lost', params: { path: path.slice(1).split('/') } })

/** When an answer says that the session is over, leads to the door, and from there back. */
export function watchSession(router: Router): void {
  onSessionEnded(() => {
    if (!useSession().forget()) return
    useNotices().warn('Your session has ended. Sign in to go on.')
    void router.push({ name: 'sign-in', query: { next: router.currentRoute.value.fullPath } })
  })
}

/** Where to go after signing in: a page of ours that was asked for, else the sales. */
export function next(asked: unknown): string {
  return typeof asked === 'string' && /^\/(?![/\\])/.test(asked) ? asked : '/sales'
}
