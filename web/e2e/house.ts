import { receive } from './receiver'
import { claim, finish, makeSale, post, signedIn } from './service'

interface Made {
  id: string
}

/** Where each page of the app is, in a house that has something of everything. */
export async function furnish(baseURL: string): Promise<Record<string, string>> {
  const api = await signedIn(baseURL)
  const receiver = await receive()
  const webhook = await post<Made>(api, 'webhooks', { url: receiver.url, events: ['*'] })
  await makeSale(baseURL, { name: 'Black Friday', codes: 40, opensInMs: 86_400_000 })
  const book = await makeSale(baseURL, { name: 'Winter warmers', codes: 240 })
  await claim(baseURL, book)
  const coupons = await got<{ data: Made[] }>('me/coupons')

  const pool = await post<Made>(api, 'pools', {
    name: 'Newsletter',
    description: 'Who wants to hear from us.',
  })
  const members = ['ada', 'grace', 'edsger', 'barbara', 'donald'].map((name) => ({
    email: `${name}@example.org`,
  }))
  await post(api, `pools/${pool.id}/members`, { members, create_missing: true })
  const terms = { book_id: book, mode: 'equal', per_user: 1 }
  const plan = await finish(api, `pools/${pool.id}/distributions`, { ...terms, dry_run: true })
  const distribution = await finish(api, `pools/${pool.id}/distributions`, { plan_id: plan })
  const delivery = await deliveryOf(webhook.id)
  receiver.close()

  return {
    dashboard: '/dashboard',
    sales: '/sales',
    sale: `/sales/${book}`,
    'my-coupons': '/coupons',
    coupon: `/coupons/${coupons.data[0].id}`,
    books: '/books',
    'new-book': '/books/new',
    book: `/books/${book}`,
    'book-batches': `/books/${book}?tab=batches`,
    'book-redemptions': `/books/${book}?tab=redemptions`,
    'book-activity': `/books/${book}?tab=activity`,
    'book-settings': `/books/${book}/edit`,
    generate: `/books/${book}/generate`,
    upload: `/books/${book}/upload`,
    pools: '/pools',
    pool: `/pools/${pool.id}`,
    'import-members': `/pools/${pool.id}/import`,
    distribute: `/pools/${pool.id}/distribute?plan=${plan}`,
    distribution: `/distributions/${distribution}`,
    webhooks: '/webhooks',
    webhook: `/webhooks/${webhook.id}`,
    delivery: `/deliveries/${delivery}`,
    jobs: '/jobs',
    job: `/jobs/${distribution}`,
    users: '/users',
    'api-keys': '/api-keys',
    queues: '/queues',
    audit: '/audit',
    profile: '/profile',
    service: '/service',
    lost: '/nothing/here',
  }

  async function got<T>(path: string): Promise<T> {
    return (await (await api.get(`/api/v1/${path}`)).json()) as T
  }

  async function deliveryOf(endpoint: string): Promise<string> {
    for (;;) {
      const { data } = await got<{ data: Made[] }>(`webhooks/${endpoint}/deliveries`)
      if (data[0]) return data[0].id
      await new Promise((again) => setTimeout(again, 100))
    }
  }
}
