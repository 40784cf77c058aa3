import { Webhook } from 'standardwebhooks'
import { receive, type Received } from './receiver'
import { makeSale } from './service'
import { signIn } from './signin'
import { button, expect, look, test } from './watch'

/** The official library takes what we send, and nothing that was changed. */
function verify(secret: string, { headers, body }: Received): void {
  const signed = {
    'webhook-id': String(headers['webhook-id']),
    'webhook-timestamp': String(headers['webhook-timestamp']),
    'webhook-signature': String(headers['webhook-signature']),
  }
  const key = new Webhook(secret)
  expect(key.verify(body, signed)).toEqual(JSON.parse(body))
  expect(() => key.verify(`${body} `, signed)).toThrow()
  const old = String(Number(signed['webhook-timestamp']) - 600)
  const stale = key.sign(signed['webhook-id'], new Date(Number(old) * 1000), body)
  expect(() =>
    key.verify(body, { ...signed, 'webhook-timestamp': old, 'webhook-signature': stale }),
  ).toThrow()
  const other = new Webhook(`whsec_${Buffer.alloc(32, 7).toString('base64')}`)
  expect(() => other.verify(body, signed)).toThrow()
}

test('an endpoint from its making to a second delivery', async ({ page, baseURL, allow }) => {
  const receiver = await receive()
  await signIn(page)
  await page.goto('/webhooks')
  await look(page)
  await button(page, 'New endpoint').click()
  const dialog = page.getByRole('dialog')
  await expect(dialog.getByLabel('URL')).toBeFocused()
  await dialog.getByLabel('URL').fill('http://169.254.169.254/latest')
  await dialog.getByLabel('Description').fill('The till')
  await look(page)
  allow(422)
  await button(page, 'Make the endpoint').click()
  await expect(dialog.getByText('does not lead to a public address')).toBeVisible()
  await dialog.getByLabel('URL').fill(receiver.url)
  await button(page, 'Make the endpoint').click()
  const secret = await page.getByLabel('Secret', { exact: true }).innerText()
  expect(secret).toMatch(/^whsec_/)
  await look(page)
  await button(page, 'I have it').click()
  await expect(page.getByRole('heading', { name: receiver.url })).toBeVisible()

  await button(page, 'Send a test').click()
  await expect(
    page.getByRole('region', { name: 'The test' }).getByText('204', { exact: true }),
  ).toBeVisible()
  await look(page)
  verify(secret, receiver.got[0])

  // What happens in the house arrives, signed, and is in the log.
  const sale = await makeSale(baseURL!, { name: `Told ${Date.now()}`, codes: 5 })
  const about = (type: string) =>
    receiver.got.filter(({ body }) => body.includes(`"${type}"`) && body.includes(sale))
  await expect.poll(() => about('book.activated').length).toBe(1)
  verify(secret, about('book.activated')[0])
  await button(page, 'Look again').click()
  await expect(page.getByRole('row', { name: /book\.activated.*Delivered/ }).first()).toBeVisible()
  await look(page)
  await page
    .getByRole('row', { name: /book\.activated/ })
    .first()
    .getByRole('link')
    .click()
  await expect(page.getByRole('heading', { name: 'book.activated' })).toBeVisible()
  await expect(page.getByRole('heading', { name: '1 attempt' })).toBeVisible()
  const before = receiver.got.length
  await button(page, 'Redeliver').click()
  await expect(page.getByRole('heading', { name: '2 attempts' })).toBeVisible()
  await expect.poll(() => receiver.got.length).toBeGreaterThan(before)
  await page.getByText('What was sent and answered').first().click()
  await expect(page.getByText('Webhook-Signature: v1,').first()).toBeVisible()
  await look(page)

  // Paused, enabled, replayed, rotated, gone.
  await page.getByRole('link', { name: 'Endpoint' }).click()
  await button(page, 'Pause').click()
  await expect(page.getByText('Paused', { exact: true })).toBeVisible()
  await button(page, 'Enable').click()
  await expect(page.getByText('Enabled', { exact: true })).toBeVisible()
  await button(page, 'Replay').click()
  await look(page)
  await button(page, 'Send them again').click()
  await expect(page.getByText(/deliver(y|ies) begun anew/)).toBeVisible()
  await button(page, 'Rotate secret').click()
  await page.getByLabel('Name of the host').fill(receiver.host)
  await button(page, 'Make it').click()
  await expect(page.getByLabel('Secret', { exact: true })).not.toHaveText(secret)
  await button(page, 'I have it').click()
  await expect(page.getByText('The old secret signs too until')).toBeVisible()
  await button(page, 'Delete').click()
  await page.getByLabel('Name of the host').fill(receiver.host)
  await button(page, 'Delete it').click()
  await expect(page.getByText('The endpoint is gone.')).toBeVisible()
  receiver.close()
})
