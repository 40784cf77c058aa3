export const exports = {
  prefix: 'code begins with {prefix}',
  oneBatch: 'one batch',
  only: 'Only these: {parts}.',
  all: 'All coupons of the book.',
  title: 'Export as CSV',
  text: '{what} The file shows them as they are at one instant. That you made it goes into the audit trail.',
  making: 'Making the file',
  made: '{n} codes. The link ends {when}.',
  download: 'Download',
  make: 'Make the file',
  state: 'state {state}',
}
