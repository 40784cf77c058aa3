import {
  createRouter,
  createWebHistory,
  type Router,
  type RouteRecordRaw,
  type RouterHistory,
} from 'vue-router'
import { onSessionEnded } from '@/api/client'
import { i18n } from '@/i18n'
import { useNotices } from '@/stores/notices'
import { useSession } from '@/stores/session'

declare module 'vue-router' {
  interface RouteMeta {
    /** The message that names the page. */
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
  {
    path: '/',
    name: 'home', // leads on, see below
    component: () => import('@/pages/LostPage.vue'),
    meta: { title: 'app.home', open: true },
  },
  {
    path: '/sign-in',
    name: 'sign-in',
    component: () => import('@/pages/SignInPage.vue'),
    meta: { title: 'door.signIn', door: true },
  },
  {
    path: '/register',
    name: 'register',
    component: () => import('@/pages/RegisterPage.vue'),
    meta: { title: 'door.register', door: true },
  },
  {
    path: '/reset-password',
    name: 'reset-password',
    component: () => import('@/pages/ResetPasswordPage.vue'),
    meta: { title: 'door.resetTitle', open: true },
  },
  {
    path: '/sales',
    name: 'sales',
    component: () => import('@/pages/SalesPage.vue'),
    meta: { title: 'rooms.sales' },
  },
  {
    path: '/sales/:id',
    name: 'sale',
    component: () => import('@/pages/SalePage.vue'),
    props: true,
    meta: { title: 'sales.one' },
  },
  {
    path: '/coupons',
    name: 'coupons',
    component: () => import('@/pages/CouponsPage.vue'),
    meta: { title: 'rooms.coupons' },
  },
  {
    path: '/coupons/:id',
    name: 'coupon',
    component: () => import('@/pages/CouponPage.vue'),
    props: true,
    meta: { title: 'coupons.one' },
  },
  {
    path: '/dashboard',
    name: 'dashboard',
    component: () => import('@/pages/DashboardPage.vue'),
    meta: { title: 'rooms.dashboard', staff: true },
  },
  {
    path: '/profile',
    name: 'profile',
    component: () => import('@/pages/ProfilePage.vue'),
    meta: { title: 'rooms.profile' },
  },
  {
    path: '/books',
    name: 'books',
    component: () => import('@/pages/BooksPage.vue'),
    meta: { title: 'rooms.books', staff: true },
  },
  {
    path: '/books/new',
    name: 'new-book',
    component: () => import('@/pages/BookFormPage.vue'),
    meta: { title: 'books.new', staff: true },
  },
  {
    path: '/books/:id',
    name: 'book',
    component: () => import('@/pages/BookPage.vue'),
    props: true,
    meta: { title: 'distributions.book', staff: true },
  },
  {
    path: '/books/:id/edit',
    name: 'edit-book',
    component: () => import('@/pages/BookFormPage.vue'),
    props: true,
    meta: { title: 'books.settingsTitle', staff: true },
  },
  {
    path: '/books/:id/generate',
    name: 'generate',
    component: () => import('@/pages/GeneratePage.vue'),
    props: true,
    meta: { title: 'codes.make', staff: true },
  },
  {
    path: '/books/:id/upload',
    name: 'upload',
    component: () => import('@/pages/UploadPage.vue'),
    props: true,
    meta: { title: 'codes.upload', staff: true },
  },
  {
    path: '/pools',
    name: 'pools',
    component: () => import('@/pages/PoolsPage.vue'),
    meta: { title: 'rooms.pools', staff: true },
  },
  {
    path: '/pools/:id',
    name: 'pool',
    component: () => import('@/pages/PoolPage.vue'),
    props: true,
    meta: { title: 'distributions.pool', staff: true },
  },
  {
    path: '/pools/:id/import',
    name: 'import-members',
    component: () => import('@/pages/ImportMembersPage.vue'),
    props: true,
    meta: { title: 'pools.import', staff: true },
  },
  {
    path: '/pools/:id/distribute',
    name: 'distribute',
    component: () => import('@/pages/DistributePage.vue'),
    props: true,
    meta: { title: 'distributions.distribute', staff: true },
  },
  {
    path: '/distributions/:id',
    name: 'distribution',
    component: () => import('@/pages/DistributionPage.vue'),
    props: true,
    meta: { title: 'distributions.one', staff: true },
  },
  {
    path: '/webhooks',
    name: 'webhooks',
    component: () => import('@/pages/WebhooksPage.vue'),
    meta: { title: 'rooms.webhooks', staff: true },
  },
  {
    path: '/webhooks/:id',
    name: 'webhook',
    component: () => import('@/pages/WebhookPage.vue'),
    props: true,
    meta: { title: 'webhooks.endpoint', staff: true },
  },
  {
    path: '/deliveries/:id',
    name: 'delivery',
    component: () => import('@/pages/DeliveryPage.vue'),
    props: true,
    meta: { title: 'webhooks.delivery', staff: true },
  },
  {
    path: '/jobs',
    name: 'jobs',
    component: () => import('@/pages/JobsPage.vue'),
    meta: { title: 'rooms.jobs', staff: true },
  },
  {
    path: '/jobs/:id',
    name: 'job',
    component: () => import('@/pages/JobPage.vue'),
    props: true,
    meta: { title: 'jobs.one', staff: true },
  },
  {
    path: '/users',
    name: 'users',
    component: () => import('@/pages/UsersPage.vue'),
    meta: { title: 'rooms.users', admin: true },
  },
  {
    path: '/api-keys',
    name: 'api-keys',
    component: () => import('@/pages/KeysPage.vue'),
    meta: { title: 'rooms.keys', admin: true },
  },
  {
    path: '/queues',
    name: 'queues',
    component: () => import('@/pages/QueuesPage.vue'),
    meta: { title: 'rooms.queues', admin: true },
  },
  {
    path: '/audit',
    name: 'audit',
    component: () => import('@/pages/AuditPage.vue'),
    meta: { title: 'rooms.audit', admin: true },
  },
  {
    path: '/service',
    name: 'service',
    component: () => import('@/pages/ServicePage.vue'),
    meta: { title: 'rooms.service', open: true },
  },
  {
    path: '/:path(.*)*',
    name: 'lost',
    component: () => import('@/pages/LostPage.vue'),
    meta: { title: 'app.lost', open: true },
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
    if (to.name === 'home')
      return { name: session.user && session.user.role !== 'user' ? 'dashboard' : 'sales' }
    if (to.meta.door) return session.user ? next(to.query.next) : true
    if (to.meta.staff && session.user?.role === 'user') return lost(to.path)
    if (to.meta.admin && session.user && session.user.role !== 'admin') return lost(to.path)
    if (session.user || to.meta.open) return true
    return { name: 'sign-in', query: to.path === '/sales' ? {} : { next: to.fullPath } }
  })
  router.afterEach((to) => {
    document.title = `${i18n.global.t(to.meta.title)} · couponbook`
  })
  return router
}

const lost = (path: string) => ({ name: 'lost', params: { path: path.slice(1).split('/') } })

/** When an answer says that the session is over, leads to the door, and from there back. */
export function watchSession(router: Router): void {
  onSessionEnded(() => {
    if (!useSession().forget()) return
    useNotices().warn(i18n.global.t('app.sessionEnded'))
    void router.push({ name: 'sign-in', query: { next: router.currentRoute.value.fullPath } })
  })
}

/** Where to go after signing in: a page of ours that was asked for, else home. */
export function next(asked: unknown): string {
  return typeof asked === 'string' && /^\/(?![/\\])/.test(asked) ? asked : '/'
}
