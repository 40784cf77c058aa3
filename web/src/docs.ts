import { createApiReference } from '@scalar/api-reference'
import '@scalar/api-reference/style.css'

// Everything that would talk to somebody else's servers is off: a self-hosted service
// must not tell third parties who reads its documentation, and our CSP forbids it anyway.
createApiReference('#reference', {
  url: '/openapi.json',
  metaData: { title: 'couponbook API reference' },
  favicon: '/favicon.svg',
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  showDeveloperTools: 'never',
  hideClientButton: true,
  persistAuth: false,
})
